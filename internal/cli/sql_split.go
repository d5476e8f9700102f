package cli

import (
	"regexp"
	"strings"
)

// splitStatements cuts a text at the semicolons that are not inside quotes or
// comments. rest is what follows the last of them.
func splitStatements(text string) (statements []string, rest string) {
	start := 0
	for i := 0; i < len(text); {
		if text[i] == ';' {
			statements = append(statements, text[start:i])
			i++
			start = i
			continue
		}
		i = skipElement(text, i)
	}
	return statements, text[start:]
}

// isEmptyStatement tells a text of blanks and finished comments only. Comments
// that the server executes (/*! */) and hints count as statement.
func isEmptyStatement(text string) bool {
	for i := 0; i < len(text); {
		switch {
		case strings.IndexByte(" \t\r\n\f\v", text[i]) >= 0:
			i++
		case isLineComment(text[i:]):
			i = skipElement(text, i)
		case strings.HasPrefix(text[i:], "/*") && !strings.HasPrefix(text[i:], "/*!") && !strings.HasPrefix(text[i:], "/*+"):
			if !strings.Contains(text[i+2:], "*/") {
				return false
			}
			i = skipElement(text, i)
		default:
			return false
		}
	}
	return true
}

// skipElement returns the index behind the quoted text, the comment or the single
// byte at i.
func skipElement(text string, i int) int {
	switch c := text[i]; {
	case c == '\'' || c == '"' || c == '`':
		return skipQuoted(text, i)
	case isLineComment(text[i:]):
		return skipTo(text, i, "\n")
	case strings.HasPrefix(text[i:], "/*"):
		return skipTo(text, i+2, "*/")
	}
	return i + 1
}

func isLineComment(text string) bool {
	if text[0] == '#' || text == "--" {
		return true
	}
	return len(text) > 2 && text[:2] == "--" && text[2] <= ' '
}

func skipTo(text string, i int, end string) int {
	if n := strings.Index(text[i:], end); n >= 0 {
		return i + n + len(end)
	}
	return len(text)
}

func skipQuoted(text string, i int) int {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote != '`':
			i++
		case text[i] == quote:
			return i + 1 // a doubled quote begins another quoted text: the same cut
		}
	}
	return len(text)
}

// credential finds what follows the words that introduce a password.
var credential = regexp.MustCompile(`(?is)(?:\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)(?:\s+password)?|\bpassword(?:\s*\(|\s+for\b[^;]*?=|\s*=)|'[^']*(?:password|secret|token)[^']*'\s*=)\s*('(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")`)

// hideSecrets takes the passwords that are written in a statement out of the
// server's message about it: StarRocks and MySQL both quote the statement.
func hideSecrets(statement, message string) string {
	for _, found := range credential.FindAllStringSubmatch(statement, -1) {
		if secret := found[1][1 : len(found[1])-1]; secret != "" {
			message = strings.ReplaceAll(message, secret, "***")
		}
	}
	return message
}
