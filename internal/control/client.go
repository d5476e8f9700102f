package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"starferry/internal/diag"
)

// Client asks the process that runs the deployment of a state directory.
type Client struct {
	stateDir string
	http     *http.Client
}

const (
	dialLimit = 5 * time.Second
	// longestLine is more than any line that is sent.
	longestLine = 16 << 20
)

// Dial finds the process that runs the deployment of a state directory. The error is a
// Problem with CodeNotRunning when there is none; IsNotRunning tells.
func Dial(ctx context.Context, stateDir string) (*Client, error) {
	socket, err := readNote(stateDir)
	if err != nil || socket == "" {
		return nil, notRunning(stateDir, err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: dialLimit}
		return dialer.DialContext(ctx, "unix", socket)
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil, notRunning(stateDir, err)
	}
	conn.Close()
	return &Client{stateDir: stateDir, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}, nil
}

// IsNotRunning tells the error of Dial when no process runs the deployment.
func IsNotRunning(err error) bool {
	p := diag.Find(err)
	return p != nil && p.Code == CodeNotRunning
}

// Status asks how the deployment is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var status Status
	answer, err := c.ask(ctx, http.MethodGet, "/v1/status", nil)
	if err != nil {
		return status, err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&status); err != nil {
		return status, c.lost(ctx, err)
	}
	return status, nil
}

// Do has a job done and hands on what it tells; it returns when the job is done. Its
// error is the job's.
func (c *Client) Do(ctx context.Context, job Job, each func(Update)) error {
	body, err := json.Marshal(job)
	if err != nil {
		return err
	}
	answer, err := c.ask(ctx, http.MethodPost, "/v1/jobs", body)
	if err != nil {
		return err
	}
	defer answer.Close()
	lines := bufio.NewScanner(answer)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var one line
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return c.lost(ctx, err)
		}
		switch {
		case one.Problem != nil:
			return one.Problem.Err()
		case one.Done:
			return nil
		}
		each(one.Update)
	}
	return c.lost(ctx, lines.Err())
}

// ask sends a request; the answer to it is to be closed.
func (c *Client) ask(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://starferry"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	var refusal line
	if err := json.NewDecoder(io.LimitReader(answer.Body, longestLine)).Decode(&refusal); err != nil || refusal.Problem == nil {
		return nil, c.lost(ctx, fmt.Errorf("status %s", answer.Status))
	}
	return nil, refusal.Problem.Err()
}

// lost is the error of an answer that broke off.
func (c *Client) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return lost(c.stateDir, err)
}

func lost(stateDir string, err error) error {
	return &diag.Problem{
		Code: CodeLost, Class: diag.Unusable,
		Message: fmt.Sprintf("the process that runs %s stopped before it was done", stateDir),
		Fix:     "see what it said when it stopped, start it again, and ask again.",
		Cause:   err,
	}
}

func notRunning(stateDir string, err error) error {
	if err == nil {
		err = errors.New("there is no control socket")
	}
	return &diag.Problem{
		Code: CodeNotRunning, Class: diag.Unusable,
		Message: fmt.Sprintf("no process that can be asked runs the deployment in %s", stateDir),
		Fix:     "start it: starferry run SCRIPT",
		Cause:   err,
	}
}
