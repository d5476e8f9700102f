package plan

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

func usualPort(key string) string {
	if key == "load-url" {
		return "8030, on newer EMR 18030"
	}
	return "9030"
}

// parseHosts reads host:port, several between ; or ,. The usual port is named in
// the error when one is left out.
func parseHosts(text, usual string) ([]string, error) {
	var hosts []string
	for _, host := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' }) {
		host = strings.TrimSpace(host)
		if host == "" {
			continue
		}
		if strings.HasPrefix(strings.ToLower(host), "https://") {
			return nil, errors.New("https is not supported yet: write host:port")
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "http://"), "/")
		if err := checkHost(host, usual); err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("write host:port; the port is usually %s", usual)
	}
	return hosts, nil
}

func checkHost(host, usual string) error {
	if strings.Contains(host, "*") {
		return fmt.Errorf("'%s' is a placeholder: write the address of your own server", host)
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil || name == "" {
		return fmt.Errorf("write host:port for '%s'; the port is usually %s", host, usual)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("'%s' is no port: write one from 1 to 65535, usually %s", port, usual)
	}
	if strings.ContainsAny(name, " \t\r\n/'\"@?") {
		return fmt.Errorf("'%s' is no host name: write host:port", name)
	}
	return nil
}

// parseJDBC takes the addresses out of jdbc:mysql://h1:9030,h2:9030/db?x=y. The
// database and the driver's settings are ignored.
func parseJDBC(url string) ([]string, error) {
	rest, ok := cutAnyPrefix(strings.TrimSpace(url), "jdbc:mysql:loadbalance://", "jdbc:mysql:replication://", "jdbc:mysql://", "jdbc:mariadb://")
	if !ok {
		return nil, errors.New("write jdbc:mysql://host:port, usually port 9030")
	}
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return parseHosts(rest, "9030")
}

func cutAnyPrefix(s string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if len(s) >= len(p) && strings.EqualFold(s[:len(p)], p) {
			return s[len(p):], true
		}
	}
	return s, false
}

func checkJDBC(text string) error {
	_, err := parseJDBC(text)
	return err
}

// checkHostname judges the host of MySQL, whose port is another option.
func checkHostname(text string) error {
	if strings.Contains(text, "*") {
		return fmt.Errorf("'%s' is a placeholder: write the address of your own server", text)
	}
	if strings.ContainsAny(text, " \t\r\n/,;@") || strings.Count(text, ":") == 1 {
		return errors.New("write one host name or address here, and the port as 'port'")
	}
	return nil
}

// parseFailoverHosts reads host or host:port, several between commas; port is what
// they have without one.
func parseFailoverHosts(text string, port int) ([]Host, error) {
	var hosts []Host
	for _, one := range strings.Split(text, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		host := Host{Name: one, Port: port}
		if name, number, err := net.SplitHostPort(one); err == nil {
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 || n > 65535 {
				return nil, fmt.Errorf("'%s' is no port: write one from 1 to 65535, usually 3306", number)
			}
			host = Host{Name: name, Port: n}
		}
		if err := checkHostname(host.Name); err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

func checkFailoverHosts(text string) error {
	_, err := parseFailoverHosts(text, 1)
	return err
}

// parseServerID reads one id or a range of them.
func parseServerID(text string) (first uint32, isRange bool, err error) {
	from, to, isRange := strings.Cut(text, "-")
	id, err := strconv.ParseUint(strings.TrimSpace(from), 10, 32)
	end := id
	if err == nil && isRange {
		end, err = strconv.ParseUint(strings.TrimSpace(to), 10, 32)
	}
	if err != nil || id == 0 || end < id {
		return 0, isRange, errors.New("write a number from 1 to 4294967295, or a range such as '5400-5404'")
	}
	return uint32(id), isRange, nil
}

func checkServerID(text string) error {
	_, _, err := parseServerID(text)
	return err
}

var labelText = regexp.MustCompile(`^[-\w]{0,40}$`)

func checkLabelPrefix(text string) error {
	if !labelText.MatchString(text) {
		return errors.New("write letters, digits, - and _, at most 40")
	}
	return nil
}

var pauseCondition = regexp.MustCompile(`(?i)^\s*threads_running\s*>\s*([1-9][0-9]{0,8})\s*$`)

func checkPauseWhen(text string) error {
	if strings.TrimSpace(text) != "" && !pauseCondition.MatchString(text) {
		return errors.New("write a number of threads that is too many: 'threads_running>20'")
	}
	return nil
}

// pauseThreads reads a condition that checkPauseWhen has let through, 0 for none.
func pauseThreads(text string) int {
	found := pauseCondition.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1]) // nine digits at most
	return n
}

// checkName judges the name of a deployment.
func checkName(text string) error {
	if text == "" || len(text) > 100 || strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("write a name of 1 to 100 bytes on one line")
	}
	return nil
}
