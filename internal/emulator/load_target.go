package emulator

import (
	"net/http"
	"strconv"
	"strings"
)

// partitionChoice are the partitions a load names; nil names none.
type partitionChoice struct {
	names     []string
	temporary bool
}

// parseTarget reads the headers that narrow down where rows go and what is kept of
// those that go nowhere.
func (o *loadOptions) parseTarget(h http.Header) error {
	names, temporary := h.Get("partitions"), h.Get("temporary_partitions")
	if names != "" && temporary != "" {
		return ddlError("Can not specify both partitions and temporary partitions")
	}
	if temporary != "" {
		names, o.partitions.temporary = temporary, true
	}
	if names != "" {
		for name := range strings.SplitSeq(names, ",") {
			o.partitions.names = append(o.partitions.names, strings.Trim(name, " `"))
		}
	}
	if v := h.Get("log_rejected_record_num"); v != "" {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil {
			return ddlError("Invalid log_rejected_record_num format")
		}
		if n < -1 {
			return ddlError("log_rejected_record_num must be equal or greater than -1")
		}
		o.rejectedRecords = n
	}
	o.negative = h.Get("negative") == "true"
	return nil
}

// checkTarget refuses what the table cannot take. A table without PARTITION BY has one
// partition, of its own name; the partitions of the others are not imitated.
func (o *loadOptions) checkTarget(t *table) error {
	if o.negative {
		if t.model == primaryKeys {
			return ddlError("Primary key table does not support negative load")
		}
		for _, c := range t.columns {
			if !c.key {
				return ddlError("Column is not SUM AggreateType. column:%s", c.name)
			}
		}
	}
	for _, name := range o.partitions.names {
		if t.partition != "" {
			return notEmulated("loading into named partitions of a partitioned table")
		}
		if o.partitions.temporary || name != t.name {
			return ddlError("Unknown partition '%s' in table '%s'", name, t.name)
		}
	}
	return nil
}
