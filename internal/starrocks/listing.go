package starrocks

import (
	"context"
	"strings"

	"starferry/internal/change"
)

// LabelListing are the labels of a deployment that the leader knows in a database, whoever
// used them.
type LabelListing struct {
	// Labels are those that may not have ended.
	Labels []string
	ended  map[string]bool
}

// Has tells that a label is listed, ended or not.
func (l *LabelListing) Has(label string) bool {
	_, known := l.ended[label]
	return known
}

// ListLabels lists the labels of a deployment in a database. The leader answers, for a
// transaction of several tables is in nobody else's memory until it is committed: get_load_state,
// SHOW TRANSACTION and SHOW PROC do not know it before. There is a line for each table, whose
// state is only believed when it says that the rows are visible, or when there can be none.
//
// What is listed may depend on the account. Whoever concludes something from what is not
// listed must have seen that what is known to be there is.
func (c *Client) ListLabels(ctx context.Context, database, deployment string) (*LabelListing, error) {
	rows, err := c.queryTexts(ctx, "SHOW ALL STREAM LOAD FROM "+quoteName(database))
	if err != nil {
		return nil, c.tableProblem("listing the loads of the last run", change.Name{Database: database}, err)
	}
	listing := &LabelListing{ended: map[string]bool{}}
	for _, row := range rows {
		label := row.text("Label")
		if !strings.Contains(label, "sf_"+deployment+"_") {
			continue
		}
		ended := strings.EqualFold(row.text("State"), "FINISHED")
		if before, known := listing.ended[label]; known {
			ended = ended && before
		}
		listing.ended[label] = ended
	}
	for label, ended := range listing.ended {
		if !ended {
			listing.Labels = append(listing.Labels, label)
		}
	}
	return listing, nil
}
