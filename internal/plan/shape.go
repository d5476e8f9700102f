package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/diag"
	"starferry/internal/expression"
	"starferry/internal/script"
)

// shapeOf reads the clauses that shape the target.
func (c *compiler) shapeOf(st *script.CreateTableAs) (s expression.Shape) {
	if st.PrimaryKey != nil {
		s.Key = c.distinct(st.PrimaryKey.Columns, "PRIMARY KEY")
	}
	if st.PartitionBy != nil {
		s.Partition = c.distinct(st.PartitionBy.Names, "PARTITIONED BY")
	}
	if st.DropColumns != nil {
		s.LeftOut = c.distinct(st.DropColumns.Names, "DROP COLUMN")
	}
	if st.Comment != nil {
		s.Comment = st.Comment.Value
	}
	if st.AddColumns != nil {
		for _, column := range st.AddColumns.Columns {
			c.addComputed(&s, column)
		}
	}
	if st.Where != nil {
		s.Where = c.expression(st.Where)
		if s.Where != nil {
			c.place(s.Where.CheckCondition(), st.Where)
		}
	}
	c.checkShape(st, &s)
	return s
}

// refuseMerged refuses clauses that change the columns of a target which several tables are
// merged into: its columns are those of all of them.
func (c *compiler) refuseMerged(st *script.CreateTableAs, selected *Selection) {
	if selected == nil {
		return
	}
	if st.PrimaryKey != nil {
		c.later(st.PrimaryKey.At, "a key of its own for a merged table", "remove it: the key is _db_name, _table_name and the key of the tables.")
	}
	if st.PartitionBy != nil {
		c.later(st.PartitionBy.At, "PARTITIONED BY of a merged table", "write the partitions into 'starrocks.create.table.properties', in normal mode.")
	}
	if st.AddColumns != nil {
		c.later(st.AddColumns.At, "ADD COLUMN of a merged table", "compute the column in a view over the target table.")
	}
	if st.DropColumns != nil {
		c.later(st.DropColumns.At, "DROP COLUMN of a merged table", "remove it.")
	}
}

// later refuses what is understood but not run by this version.
func (c *compiler) later(at diag.Span, what, instead string) {
	c.error(CodeComesLater, at, what+" comes later: this version does not run it yet", instead)
}

// distinct are the names of a list, in which none stands twice.
func (c *compiler) distinct(list []script.Ident, clause string) (names []string) {
	for _, one := range list {
		if contains(names, one.Name) {
			c.error(CodeShape, one.At, fmt.Sprintf("%s names `%s` twice", clause, one.Name), "name it once.")
			continue
		}
		names = append(names, one.Name)
	}
	return names
}

func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

func (c *compiler) addComputed(s *expression.Shape, column script.AddColumn) {
	value := c.expression(&column.Expression)
	if value == nil {
		return
	}
	c.place(value.Check(), &column.Expression)
	if s.Computes(column.Name.Name) != nil {
		c.error(CodeShape, column.Name.At, fmt.Sprintf("column `%s` is added twice", column.Name.Name), "give one of them another name.")
		return
	}
	computed := expression.Computed{Name: column.Name.Name, Value: value, First: column.First}
	if column.Comment != nil {
		computed.Comment = column.Comment.Value
	}
	if column.After != nil {
		computed.After = column.After.Name
	}
	s.Computed = append(s.Computed, computed)
}

// expression parses one; nil when it could not, a finding says why.
func (c *compiler) expression(text *script.Text) *expression.Expression {
	x, err := expression.Parse(text.Value)
	if c.place(err, text) {
		return nil
	}
	return x
}

// place says what is wrong with an expression where it stands; false when nothing is.
func (c *compiler) place(err error, text *script.Text) bool {
	var wrong *expression.Error
	if !errors.As(err, &wrong) {
		return false
	}
	at := text.At // where a variable is in it, its value has moved what follows
	if text.Value == c.file.Text[at.Start:at.End] {
		at = wrong.In(at.Start)
	}
	c.error(CodeExpression, at, wrong.Message, wrong.Fix)
	return true
}

// checkShape holds the clauses against each other.
func (c *compiler) checkShape(st *script.CreateTableAs, s *expression.Shape) {
	for i := range s.Computed {
		computed := &s.Computed[i]
		at := st.AddColumns.At
		for _, name := range computed.Value.Columns() {
			switch {
			case s.Computes(name) != nil:
				c.error(CodeShape, at, fmt.Sprintf("column `%s` is computed from `%s`, which is computed itself", computed.Name, name), "write out its expression.")
			case s.Leaves(name):
				c.error(CodeShape, at, fmt.Sprintf("column `%s` is computed from `%s`, which the target does not have", computed.Name, name),
					"take it out of DROP COLUMN: a comparison of both sides computes from what the target has.")
			}
		}
		if contains(s.Key, computed.Name) && computed.Value.IsVolatile() {
			c.error(CodeShape, st.PrimaryKey.At, fmt.Sprintf("column `%s` is another one each time it is computed: it cannot be part of a key", computed.Name),
				"take it out of PRIMARY KEY.")
		}
	}
	for _, name := range s.LeftOut {
		if contains(s.Key, name) {
			c.error(CodeShape, st.DropColumns.At, fmt.Sprintf("column `%s` is part of the key", name), "take it out of DROP COLUMN.")
		}
	}
	if s.Key == nil {
		return
	}
	for _, name := range s.Partition {
		if !contains(s.Key, name) {
			c.error(CodeShape, st.PartitionBy.At, fmt.Sprintf("the table is partitioned by `%s`, which is not part of its key", name),
				"add it to PRIMARY KEY: StarRocks needs it there.")
		}
	}
}

// shapeOverProperties holds the clauses against properties that are written out.
func (c *compiler) shapeOverProperties(st *script.CreateTableAs, r *Route) {
	if r.Mode == Simple {
		return
	}
	text := literals.ReplaceAllString(r.Properties, " ")
	if st.PartitionBy != nil && partitionBy.MatchString(text) {
		c.error(CodeShape, st.PartitionBy.At, "'starrocks.create.table.properties' has partitions too", "write them in one place.")
	}
	if st.Comment != nil && tableComment.MatchString(text) {
		c.warn(CodeShape, st.Comment.At, "'starrocks.create.table.properties' has a comment, which is taken", "write the comment in one place.")
	}
}
