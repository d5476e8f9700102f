package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// connect logs in on both sides; what is wrong with either is said in one go.
func connect(ctx context.Context, p *plan.Plan, serverID uint32, wants func(change.Name) bool, out *printer) (*mysql.Servers, *starrocks.Client, error) {
	if p.Source.ServerID != 0 {
		serverID = p.Source.ServerID
	}
	failover := make([]mysql.Host, len(p.Source.Failover))
	for i, host := range p.Source.Failover {
		failover[i] = mysql.Host(host)
	}
	source, sourceErr := mysql.ConnectServers(ctx, mysql.Config{
		Failover: failover, FailoverWait: p.Source.FailoverWait,
		Host: p.Source.Host, Port: p.Source.Port, User: p.Source.User, Password: p.Source.Password,
		ServerID: serverID, TLS: p.Source.TLS, ConnectTimeout: p.Source.ConnectTimeout, Barrier: p.Source.Barrier,
		PauseThreads: p.Settings.PauseThreads,
		Treatment:    treatment(p),
		Wants:        wants,
		Notify:       func(format string, a ...any) { out.say(fmt.Sprintf(format, a...)) },
	})
	target, targetErr := starrocks.Connect(ctx, starrocks.Config{
		Query: p.Target.Query, Load: p.Target.Load, User: p.Target.User, Password: p.Target.Password,
		RedirectHosts: p.Target.RedirectHosts, ConnectTimeout: p.Target.ConnectTimeout,
	})
	if err := diag.Join(sourceErr, targetErr); err != nil {
		if sourceErr == nil {
			source.Close()
		}
		if targetErr == nil {
			target.Close()
		}
		return nil, nil, err
	}
	return source, target, nil
}

// configure says how the target tables are loaded.
func configure(target *starrocks.Client, routes []plan.Route) error {
	var problems []error
	for _, r := range routes {
		problems = append(problems, target.Configure(r.Target, loadOptions(r)))
	}
	return diag.Join(problems...)
}

// checkServer refuses a checkpoint of another server where positions are file and
// offset: they mean nothing there. Sets of GTIDs do, and the stream checks that the
// server has everything that was delivered.
func checkServer(restored *checkpoint.Checkpoint, server mysql.ServerInfo) error {
	if restored == nil || restored.Position.Server == "" || restored.Position.Server == server.ID || restored.Position.GTIDs != "" {
		return nil
	}
	return &diag.Problem{
		Code: codeOtherServer,
		Message: fmt.Sprintf("the checkpoint at %s is of the source server %s, and the address now leads to %s: without GTIDs a position of one server means nothing on another",
			restored.Position, restored.Position.Server, server.ID),
		Fix: "give the address of the server that was followed, or start with a new --data-dir: the tables are copied anew.",
	}
}

// sayNotInScript names the tables that the last run followed and this script does not.
func sayNotInScript(p *plan.Plan, restored *checkpoint.Checkpoint, out *printer) {
	if restored == nil {
		return
	}
	for i := range restored.Tables {
		t := &restored.Tables[i]
		if t.ShadowOf == (change.Name{}) && !slices.ContainsFunc(p.Routes, func(r plan.Route) bool { return ferry.Knows(t, r.Source, r.Target) }) {
			out.say(fmt.Sprintf("warning: %s was followed into %s by the last run, which is not in the script any more; if it comes back it is copied anew", t.Name, t.Target))
		}
	}
}

func treatment(p *plan.Plan) mysql.Treatment {
	return mysql.Treatment{Booleans: p.Source.Booleans, Zone: p.Source.Zone, ZeroDates: p.Source.ZeroDates}
}

// sayKeptTypes names the tables whose values go on as the last run wrote them, whatever
// the script says now: half a table in another form would be wrong. A resync changes that
// only of a stopped table: the shadow of one that goes on gets the same rows as it.
func sayKeptTypes(p *plan.Plan, restored *checkpoint.Checkpoint, out *printer) {
	for _, r := range p.Routes {
		t := ferry.StateOf(restored, r.Source, r.Target)
		if t == nil || t.Table == nil {
			continue
		}
		if says := treatment(p).Differs(t.Table); len(says) > 0 {
			fix := ferry.Anew(t.Target)
			if t.Stopped != nil && !r.Merged {
				fix = "starferry resync SCRIPT --table " + t.Name.String()
			}
			out.say(fmt.Sprintf("warning: %s keeps the types it was copied with, although the script says otherwise now: %s\n   = To change them: %s",
				t.Name, strings.Join(says, "; "), fix))
		}
	}
}

// isKnown tells whether the checkpoint knows a route whose table has joined.
func isKnown(restored *checkpoint.Checkpoint, r plan.Route) bool {
	t := ferry.StateOf(restored, r.Source, r.Target)
	return t != nil && (t.Table != nil || t.Copy.Done)
}

func tableSpec(r plan.Route, table *change.Table) starrocks.TableSpec {
	spec := starrocks.TableSpec{Target: r.Target, Source: table, Merged: r.Merged, Simple: r.Mode == plan.Simple, Properties: r.Properties, Broadened: r.Schema.Broadened, Shape: r.Shape}
	if r.Merged && table != nil {
		spec.Shards = []*change.Table{table}
	}
	return spec
}

func loadOptions(r plan.Route) starrocks.LoadOptions {
	return starrocks.LoadOptions{
		ColumnSeparator: r.Load.ColumnSeparator, RowDelimiter: r.Load.RowDelimiter,
		Timeout: r.Load.Timeout, PreparedTimeout: r.Load.PreparedTimeout, Headers: r.Load.Headers,
	}
}
