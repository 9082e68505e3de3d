package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"latchkey/secret"
)

// Config says which Slack app in which workspace to be.
type Config struct {
	BotToken         secret.Value // xoxb-…
	AppToken         secret.Value // xapp-…, with connections:write
	APIURL           string       // SLACK_API_URL; empty means Slack itself
	Command          string       // "/tokens"
	ApprovalsChannel string       // where every request is shown too; may be empty
	Sockets          int          // default 2, so that Slack's refresh loses nothing

	// AckWithin is how long an interaction may take before its ack: 2.5 s,
	// which leaves the rest of Slack's three for the way. Tests on busy
	// machines allow more.
	AckWithin time.Duration
}

// callTimeout bounds one Web API call; slack-go's client has none.
const callTimeout = 10 * time.Second

// Client is the Web API with our limits, and what we know of ourselves.
type Client struct {
	api    *slack.Client
	config Config
	http   *http.Client
	log    zerolog.Logger

	mu   sync.Mutex
	self identity
}

type identity struct {
	team   string
	user   string
	scopes []string
}

// NewClient does not dial.
func NewClient(c Config, log zerolog.Logger) *Client {
	out := &Client{config: c, log: log, http: &http.Client{Timeout: callTimeout}}
	options := []slack.Option{slack.OptionAppLevelToken(c.AppToken.Expose()), slack.OptionHTTPClient(out.http),
		slack.OptionOnResponseHeaders(out.noteScopes)}
	if c.APIURL != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(c.APIURL, "/")+"/"))
	}
	out.api = slack.New(c.BotToken.Expose(), options...)
	return out
}

func (c *Client) noteScopes(_ string, h http.Header) {
	if v := h.Get("X-OAuth-Scopes"); v != "" {
		c.mu.Lock()
		c.self.scopes = strings.Split(strings.ReplaceAll(v, " ", ""), ",")
		c.mu.Unlock()
	}
}

// Identity asks Slack once who we are: our workspace and our bot user.
func (c *Client) Identity(ctx context.Context) (team, user string, err error) {
	c.mu.Lock()
	self := c.self
	c.mu.Unlock()
	if self.team != "" {
		return self.team, self.user, nil
	}
	got, err := c.api.AuthTestContext(ctx)
	if err != nil {
		return "", "", fmt.Errorf("ask who we are: %w: %w", errSlack, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.self.team, c.self.user = got.TeamID, got.UserID
	return got.TeamID, got.UserID, nil
}

// Diagnosis is what `latchkey doctor` wants to know of Slack.
type Diagnosis struct {
	Team, BotUser string
	Missing       []string // scopes the bot lacks
}

// Diagnose checks both tokens and the scopes.
func (c *Client) Diagnose(ctx context.Context) (Diagnosis, error) {
	team, user, err := c.Identity(ctx)
	if err != nil {
		return Diagnosis{}, err
	}
	out := Diagnosis{Team: team, BotUser: user}
	c.mu.Lock()
	have := c.self.scopes
	c.mu.Unlock()
	for _, want := range RequiredScopes() {
		if len(have) > 0 && !slices.Contains(have, want) {
			out.Missing = append(out.Missing, want)
		}
	}
	if _, _, err := c.api.StartSocketModeContext(ctx); err != nil {
		return out, fmt.Errorf("open a socket with the app token: %w", err)
	}
	return out, nil
}

// final are Slack's errors that the same call will get again: the message or
// its place is gone, and trying on would hold up everybody else's.
var final = map[string]bool{
	"channel_not_found": true, "not_in_channel": true, "is_archived": true, "user_not_found": true,
	"cannot_dm_bot": true, "user_disabled": true, "users_not_found": true, "msg_too_long": true, "invalid_blocks": true,
	"msg_blocks_too_long": true, "restricted_action": true, "messages_tab_disabled": true, "user_not_visible": true,
}

// isFinal reports whether trying again is useless.
func isFinal(err error) bool {
	var se slack.SlackErrorResponse
	return errors.As(err, &se) && final[se.Err]
}

// isLost reports whether a message we meant to edit can't be edited any more.
func isLost(err error) bool {
	var se slack.SlackErrorResponse
	if !errors.As(err, &se) {
		return false
	}
	switch se.Err {
	case "message_not_found", "cant_update_message", "edit_window_closed":
		return true
	}
	return false
}

// respond posts to a response_url, after making sure that it is Slack's: it
// arrives in a payload, and we would otherwise post wherever it says.
func (c *Client) respond(ctx context.Context, to string, m message) error {
	return c.answerAt(ctx, to, m, false)
}

// replace puts a message into the place of the one that was clicked on, which
// only the clicker sees.
func (c *Client) replace(ctx context.Context, to string, m message) error {
	return c.answerAt(ctx, to, m, true)
}

func (c *Client) answerAt(ctx context.Context, to string, m message, replace bool) error {
	u, err := url.Parse(to)
	if err != nil || !c.slackHost(u) {
		return errors.New("the response_url is not on Slack's host")
	}
	blocks := slack.Blocks{BlockSet: m.Blocks}
	err = slack.PostWebhookCustomHTTPContext(ctx, to, c.http, &slack.WebhookMessage{Text: m.Text, Blocks: &blocks, ResponseType: slack.ResponseTypeEphemeral,
		ReplaceOriginal: replace})
	if at, ok := errors.AsType[*url.Error](err); ok { // its text has the address, which is good for half an hour
		err = at.Err
	}
	if err != nil {
		return fmt.Errorf("answer by response_url: %w", err)
	}
	return nil
}

func (c *Client) slackHost(u *url.URL) bool {
	if c.config.APIURL != "" {
		api, err := url.Parse(c.config.APIURL)
		return err == nil && u.Scheme == api.Scheme && u.Host == api.Host
	}
	return u.Scheme == "https" && (u.Host == "hooks.slack.com" || u.Host == "hooks.slack-gov.com")
}
