package mysql

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// heldRows are events with rows that wait: in memory, and above a bound in a file
// that has no name any more, so that it is gone when the process is.
type heldRows struct {
	tables []*change.Table
	events []change.Event // behind those in the file
	bytes  int            // of events
	file   *os.File
	spill  *bufio.Writer
}

func (h *heldRows) add(e change.Event) {
	h.number(e.Table)
	h.events = append(h.events, e)
	h.bytes += cost(&e)
}

// empty tells that there never was an event.
func (h *heldRows) empty() bool { return h.file == nil && len(h.events) == 0 }

// write moves what is in memory to the file.
func (h *heldRows) write() error {
	if h.file == nil {
		file, err := os.CreateTemp("", "starferry-held-*")
		if err != nil {
			return heldProblem(err)
		}
		h.file, h.spill = file, bufio.NewWriterSize(file, 1<<16)
		if err := os.Remove(file.Name()); err != nil {
			return heldProblem(err)
		}
	}
	for i := range h.events {
		if err := h.encode(&h.events[i]); err != nil {
			return heldProblem(err)
		}
	}
	h.events, h.bytes = nil, 0
	return nil
}

// encode writes one event: kind, table, number of rows, then every cell with its
// length before it; 0 is NULL.
func (h *heldRows) encode(e *change.Event) error {
	head := binary.AppendUvarint([]byte{byte(e.Kind)}, uint64(h.number(e.Table)))
	head = binary.AppendUvarint(head, uint64(e.Rows.Len()))
	if _, err := h.spill.Write(head); err != nil {
		return err
	}
	for row := range e.Rows.Len() {
		for column := range e.Rows.Width() {
			length := uint64(0)
			if !e.Rows.Null(row, column) {
				length = uint64(len(e.Rows.Cell(row, column))) + 1
			}
			head = binary.AppendUvarint(head[:0], length)
			if _, err := h.spill.Write(head); err != nil {
				return err
			}
			if _, err := h.spill.Write(e.Rows.Cell(row, column)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *heldRows) number(table *change.Table) int {
	for i, one := range h.tables {
		if one == table {
			return i
		}
	}
	h.tables = append(h.tables, table)
	return len(h.tables) - 1
}

// each gives the events back in their order.
func (h *heldRows) each(ctx context.Context, take func(change.Event) error) error {
	if h.file != nil {
		if err := h.spill.Flush(); err != nil {
			return heldProblem(err)
		}
		if _, err := h.file.Seek(0, io.SeekStart); err != nil {
			return heldProblem(err)
		}
		in := bufio.NewReaderSize(h.file, 1<<16)
		for {
			e, err := h.decode(in)
			if err == io.EOF {
				break
			}
			if err != nil {
				return heldProblem(err)
			}
			if err := take(e); err != nil {
				return err
			}
		}
	}
	for i := range h.events {
		if err := take(h.events[i]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// decode reads one event; io.EOF is the end.
func (h *heldRows) decode(in *bufio.Reader) (change.Event, error) {
	kind, err := in.ReadByte()
	if err != nil {
		return change.Event{}, err
	}
	number, err := binary.ReadUvarint(in)
	if err != nil || number >= uint64(len(h.tables)) {
		return change.Event{}, fmt.Errorf("table %d of %d: %w", number, len(h.tables), err)
	}
	count, err := binary.ReadUvarint(in)
	if err != nil {
		return change.Event{}, fmt.Errorf("number of rows: %w", err)
	}
	table := h.tables[number]
	rows := change.NewRows(len(table.Columns))
	for range count * uint64(rows.Width()) {
		length, err := binary.ReadUvarint(in)
		if err != nil {
			return change.Event{}, fmt.Errorf("length of a cell: %w", err)
		}
		if length == 0 {
			rows.AddNull()
			continue
		}
		buffer := rows.Buffer()
		start := len(buffer)
		buffer = append(buffer, make([]byte, length-1)...)
		if _, err := io.ReadFull(in, buffer[start:]); err != nil {
			return change.Event{}, fmt.Errorf("a cell: %w", err)
		}
		rows.AddCell(buffer)
	}
	return change.Event{Kind: change.Kind(kind), Table: table, Rows: rows}, nil
}

// release gives up the file; what became of it is of no interest.
func (h *heldRows) release() {
	if h.file != nil {
		_ = h.file.Close()
	}
	*h = heldRows{}
}

func heldProblem(err error) error {
	return &diag.Problem{Code: codeHeld, Class: diag.Unusable, Cause: err,
		Message: fmt.Sprintf("rows of a prepared XA transaction cannot be kept in %s", os.TempDir()),
		Fix:     "make room there, or name another folder in TMPDIR; then start again."}
}
