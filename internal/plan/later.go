package plan

import (
	"strings"

	"starferry/internal/diag"
	"starferry/internal/script"
)

// later refuses what is understood but not run by this version.
func (c *compiler) later(at diag.Span, what, instead string) {
	c.error(CodeComesLater, at, what+" comes later: this version does not run it yet", instead)
}

// refuseClauses refuses the clauses of CREATE TABLE … AS TABLE that come later.
func (c *compiler) refuseClauses(st *script.CreateTableAs) {
	if st.PrimaryKey != nil {
		c.later(st.PrimaryKey.At, "a primary key other than the source's",
			"remove it: the target has the key of the source table, or the one in starrocks.create.table.properties.")
	}
	if st.PartitionBy != nil {
		c.later(st.PartitionBy.At, "PARTITIONED BY", "write the partitions into starrocks.create.table.properties, in normal mode.")
	}
	if st.AddColumns != nil {
		c.later(st.AddColumns.At, "ADD COLUMN with an expression", "remove it, and compute the column in a view over the target table.")
	}
	if st.Comment != nil {
		c.warn(CodeNoComment, st.Comment.At, "the comment is not carried to the target table",
			"write it into starrocks.create.table.properties, behind the key: comment '…'.")
	}
}

// refuseVariables refuses variables in a name; false when it did.
func (c *compiler) refuseVariables(path script.Path) bool {
	for _, part := range path.Parts {
		if strings.Contains(part.Name, "${") {
			c.refuseVariable(part.At)
			return false
		}
	}
	return true
}

func (c *compiler) refuseVariable(at diag.Span) {
	c.later(at, "a variable "+c.file.Text[at.Start:at.End], "write its value. A dollar before a brace is written $${.")
}

// variableIn finds ${name} in a literal; $${ is a dollar and a brace.
func variableIn(file *diag.File, at diag.Span) (diag.Span, bool) {
	text := file.Text[at.Start:at.End]
	for i := 0; i+1 < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "$${"):
			i += 2
		case strings.HasPrefix(text[i:], "${"):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				end = len(text) - i - 1
			}
			return diag.Span{Start: at.Start + i, End: at.Start + i + end + 1}, true
		}
	}
	return diag.Span{}, false
}
