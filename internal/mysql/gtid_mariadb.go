package mysql

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// mariaGTIDs is MariaDB's position by GTID: the last transaction of every domain.
// A domain is one order, so that it stands for everything before.
type mariaGTIDs map[uint32]mariaGTID

type mariaGTID struct {
	server   uint32
	sequence uint64
}

// parseMariaGTIDs reads domain-server-sequence, several between commas. Of a list
// that names a domain twice, as gtid_binlog_state does, the last counts.
func parseMariaGTIDs(text string) (mariaGTIDs, error) {
	all := mariaGTIDs{}
	err := eachMariaGTID(text, func(domain uint32, id mariaGTID) { all[domain] = id })
	return all, err
}

func eachMariaGTID(text string, each func(domain uint32, id mariaGTID)) error {
	for _, one := range strings.Split(text, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		parts := strings.Split(one, "-")
		if len(parts) != 3 {
			return fmt.Errorf("'%s' is no GTID of MariaDB", one)
		}
		domain, err1 := strconv.ParseUint(parts[0], 10, 32)
		server, err2 := strconv.ParseUint(parts[1], 10, 32)
		sequence, err3 := strconv.ParseUint(parts[2], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil {
			return fmt.Errorf("'%s' is no GTID of MariaDB", one)
		}
		each(uint32(domain), mariaGTID{uint32(server), sequence})
	}
	return nil
}

func (g mariaGTIDs) String() string {
	var b []byte
	for _, domain := range slices.Sorted(maps.Keys(g)) {
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(domain), 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(g[domain].server), 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, g[domain].sequence, 10)
	}
	return string(b)
}

// holds tells whether a transaction is among those before the position.
func (g mariaGTIDs) holds(domain uint32, sequence uint64) bool {
	return g[domain].sequence >= sequence
}

// reached tells whether everything before the other position is before this one.
func (g mariaGTIDs) reached(o mariaGTIDs) bool {
	for domain, id := range o {
		if !g.holds(domain, id.sequence) {
			return false
		}
	}
	return true
}

// mariaPosition is what the server's log holds before a place, by GTID.
func (s *Source) mariaPosition(ctx context.Context, file string, offset uint64) (string, error) {
	var gtids *string
	query := fmt.Sprintf("SELECT BINLOG_GTID_POS(%s, %d)", literal(file), offset)
	if err := s.db.QueryRowContext(ctx, query).Scan(&gtids); err != nil {
		return "", s.queryProblem("BINLOG_GTID_POS", err)
	}
	if gtids == nil {
		return "", nil // the file is not there: checkLog says what that means
	}
	return *gtids, nil
}

// mariaLacks says which of the transactions delivered the server's log has not: of
// every domain it must have the last one, from the server that wrote it.
func (s *Source) mariaLacks(ctx context.Context, delivered string) (string, error) {
	want, err := parseMariaGTIDs(delivered)
	if err != nil {
		return "", err
	}
	var state string
	if err := s.db.QueryRowContext(ctx, "SELECT @@global.gtid_binlog_state").Scan(&state); err != nil {
		return "", s.queryProblem("reading gtid_binlog_state", err)
	}
	type origin struct{ domain, server uint32 }
	has := map[origin]uint64{}
	if err := eachMariaGTID(state, func(domain uint32, id mariaGTID) { has[origin{domain, id.server}] = id.sequence }); err != nil {
		return "", err
	}
	var lacks []string
	for _, domain := range slices.Sorted(maps.Keys(want)) {
		id := want[domain]
		first := has[origin{domain, id.server}] + 1
		switch {
		case first == id.sequence:
			lacks = append(lacks, fmt.Sprintf("%d-%d-%d", domain, id.server, id.sequence))
		case first < id.sequence:
			lacks = append(lacks, fmt.Sprintf("%d-%d-%d to %[1]d-%[2]d-%[4]d", domain, id.server, first, id.sequence))
		}
	}
	return strings.Join(lacks, ", "), nil
}
