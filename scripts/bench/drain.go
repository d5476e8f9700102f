package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/mysql/packets"
)

// drainVerb has this program be the bare reader of the socket: after the handshake it
// reads packets and looks at nothing in them. It is a process of its own so that what it
// costs can be told from the rest. The password comes in its environment.
const (
	drainVerb     = "drain"
	drainPassword = "STARFERRY_BENCH_PASSWORD"
)

// drained is what the reader says when it is done.
type drained struct {
	Packets, Bytes int64
	Seconds, CPU   float64
}

// drain reads the answer of a query ("query ADDRESS USER SQL") or the log from a file on
// to its end ("log ADDRESS USER FILE").
func drain(args []string) error {
	if len(args) != 4 {
		return errors.New("drain: want query or log, an address, a user, and a statement or a file")
	}
	began := time.Now()
	var raw net.Conn
	dial := func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		raw, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return raw, err
	}
	conn, err := client.ConnectWithDialer(context.Background(), "tcp", args[1], args[2], os.Getenv(drainPassword), "", dial, func(c *client.Conn) error {
		c.UnsetCapability(gomysql.CLIENT_QUERY_ATTRIBUTES | gomysql.CLIENT_DEPRECATE_EOF)
		return nil
	})
	if err != nil {
		return err
	}
	command := append([]byte{0, 0, 0, 0, gomysql.COM_QUERY}, args[3]...)
	if args[0] == "log" {
		if _, err := conn.Execute("SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum"); err != nil {
			return err
		}
		const nonBlocking = 1 // the stream ends with the log
		command = append(command[:4], gomysql.COM_BINLOG_DUMP)
		command = binary.LittleEndian.AppendUint32(command, 4)
		command = binary.LittleEndian.AppendUint16(command, nonBlocking)
		command = binary.LittleEndian.AppendUint32(command, 0)
		command = append(command, args[3]...)
	}
	conn.ResetSequence()
	if err := conn.WritePacket(command); err != nil {
		return err
	}
	d, err := readAll(packets.NewReader(raw, time.Minute), args[0] == "query")
	if err != nil {
		return err
	}
	d.Seconds, d.CPU = time.Since(began).Seconds(), ownCPU()
	return json.NewEncoder(os.Stdout).Encode(d)
}

// readAll reads to the end: of a result the second EOF, behind its columns and its rows.
func readAll(r *packets.Reader, result bool) (d drained, err error) {
	ends := 1
	if result {
		ends = 2
	}
	for {
		packet, err := r.Next()
		if err != nil {
			return d, err
		}
		if len(packet) == 0 {
			return d, errors.New("an empty packet")
		}
		switch {
		case packet[0] == gomysql.ERR_HEADER:
			return d, fmt.Errorf("the server says: %q", packet[1:])
		case packet[0] == gomysql.EOF_HEADER && len(packet) < 9:
			if ends--; ends == 0 {
				return d, nil
			}
		case ends == 1: // not the columns
			d.Packets++
			d.Bytes += int64(len(packet)) + 4
		}
	}
}

func ownCPU() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
