package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// freshFor is how long what we read from Slack is good enough for a decision.
// Events bring changes sooner.
const freshFor = time.Minute

// Directory keeps what is stored of people and groups in step with Slack.
// Safe for concurrent use.
type Directory struct {
	client *Client
	db     *storage.DB
	owners map[string]string // Slack user ID -> e-mail of the person, from the configuration
	log    zerolog.Logger

	mu    sync.Mutex
	read  map[string]time.Time // group source -> when it was read
	busy  map[string]*sync.Mutex
	clock func() time.Time
}

// NewDirectory does not dial.
func NewDirectory(c *Client, db *storage.DB, people []workflow.PersonEntry, log zerolog.Logger) *Directory {
	d := &Directory{client: c, db: db, owners: map[string]string{}, log: log, read: map[string]time.Time{}, busy: map[string]*sync.Mutex{}, clock: time.Now}
	for _, p := range people {
		for _, id := range p.Slack {
			d.owners[id] = p.Email
		}
	}
	return d
}

// Load reads the whole workspace once, so that lists of addresses and groups
// resolve to people.
func (d *Directory) Load(ctx context.Context) error {
	if _, _, err := d.client.Identity(ctx); err != nil {
		return err
	}
	users, err := d.client.api.GetUsersContext(ctx, slack.GetUsersOptionLimit(200))
	if err != nil {
		return fmt.Errorf("read the workspace's users: %w", err)
	}
	for _, u := range users {
		if _, err := d.save(ctx, u); err != nil {
			return err
		}
	}
	d.log.Info().Int("users", len(users)).Msg("directory loaded")
	return nil
}

// Account returns a Slack account as it is now: from the database when that
// was read within the last minute, else from Slack.
func (d *Directory) Account(ctx context.Context, team, user string) (storage.Account, error) {
	a, age, err := d.db.AccountOf(ctx, storage.SystemSlack, team, user)
	if err == nil && age <= freshFor {
		return a, nil
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return a, err
	}
	known := err == nil
	u, err := d.client.api.GetUserInfoContext(ctx, user)
	if err != nil {
		if known {
			d.log.Warn().Err(err).Str("user", user).Msg("user not read from Slack, using what is known")
			return a, nil
		}
		return a, fmt.Errorf("read user %s from Slack: %w", user, err)
	}
	if u.TeamID == "" {
		u.TeamID = team
	}
	return d.save(ctx, *u)
}

// reread stores a user as Slack has them now. Events say that somebody
// changed; what exactly, only a fresh reading tells in full.
func (d *Directory) reread(ctx context.Context, user string) error {
	u, err := d.client.api.GetUserInfoContext(ctx, user)
	if err != nil {
		return fmt.Errorf("read user %s from Slack: %w", user, err)
	}
	_, err = d.save(ctx, *u)
	return err
}

// save stores a user as Slack describes them.
func (d *Directory) save(ctx context.Context, u slack.User) (storage.Account, error) {
	home, _, err := d.client.Identity(ctx)
	if err != nil {
		return storage.Account{}, err
	}
	name := u.Profile.RealName
	if name == "" {
		name = u.RealName
	}
	if name == "" {
		name = u.Name
	}
	team := u.TeamID
	if team == "" {
		team = home
	}
	a := storage.Account{System: storage.SystemSlack, Team: team, ExternalID: u.ID, Email: strings.ToLower(u.Profile.Email), Name: name,
		IsBot: u.IsBot || u.IsAppUser || u.ID == "USLACKBOT", IsGuest: u.IsRestricted || u.IsUltraRestricted,
		IsOutsider: u.IsStranger || team != home, IsDeleted: u.Deleted}
	err = d.db.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		a, err = tx.SaveAccount(ctx, a, d.owners[u.ID])
		return err
	})
	return a, err
}

// Refresh reads the groups behind sources from Slack, unless that happened
// within the last minute. A failure is noted on the group and logged; who may
// do what then depends on how old our knowledge is.
func (d *Directory) Refresh(ctx context.Context, sources []string) {
	for _, src := range sources {
		id, ok := strings.CutPrefix(src, "slack:")
		if !ok || !d.due(src) {
			continue
		}
		if err := d.refreshOnce(ctx, src, id); err != nil {
			d.log.Warn().Err(err).Str("group", id).Msg("group not read from Slack")
		}
	}
}

func (d *Directory) due(src string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clock().Sub(d.read[src]) > freshFor
}

// Forget makes the next Refresh read a group again.
func (d *Directory) Forget(group string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.read, "slack:"+group)
}

// refreshOnce lets one caller read while others wait for what it finds.
func (d *Directory) refreshOnce(ctx context.Context, src, id string) error {
	d.mu.Lock()
	lock := d.busy[src]
	if lock == nil {
		lock = &sync.Mutex{}
		d.busy[src] = lock
	}
	d.mu.Unlock()
	lock.Lock()
	defer lock.Unlock()
	if !d.due(src) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	users, err := d.client.api.GetUserGroupMembersContext(ctx, id)
	if err != nil {
		return errors.Join(err, d.db.SetGroupProblem(context.WithoutCancel(ctx), src, err.Error()))
	}
	home, _, err := d.client.Identity(ctx)
	if err != nil {
		return err
	}
	var members []storage.PersonID
	for _, user := range users {
		a, err := d.Account(ctx, home, user)
		if err != nil {
			return err
		}
		if a.PersonID != 0 {
			members = append(members, a.PersonID)
		}
	}
	err = d.db.InTx(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.SetGroupMembers(ctx, src, members) })
	if err == nil {
		d.mu.Lock()
		d.read[src] = d.clock()
		d.mu.Unlock()
	}
	return err
}

// DM returns the channel where we talk to an account.
func (d *Directory) DM(ctx context.Context, a storage.Account) (string, error) {
	if a.DMChannel != "" {
		return a.DMChannel, nil
	}
	ch, _, _, err := d.client.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{a.ExternalID}})
	if err != nil {
		return "", fmt.Errorf("open a conversation with %s: %w", a.ExternalID, err)
	}
	return ch.ID, d.db.SetDMChannel(ctx, a.ID, ch.ID)
}
