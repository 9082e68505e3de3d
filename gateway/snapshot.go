package gateway

import (
	"maps"
	"sync"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// key is a brokered credential as requests meet it. It is never changed; a
// changed credential gets a new one that shares use.
type key struct {
	id      storage.CredentialID
	grant   *grant
	expires time.Time
	alive   bool
	broken  bool // its owner's token could not be opened
	changed time.Time
	token   *token // its owner's; nil when the connection's credential is used
	use     *use
}

// lives reports whether the key opens anything at a time. Its last moment is
// the one before it expires.
func (k *key) lives(now time.Time) bool { return k.alive && !k.broken && now.Before(k.expires) }

// grant is what keys of one connection with the same scopes share.
type grant struct {
	connection string
	upstream   *upstream // nil when the connection left the configuration
	held       scopeSet
}

// grants makes each grant once.
type grants struct {
	upstreams map[string]*upstream
	tokens    tokens

	mu   sync.Mutex
	made map[string]*grant
}

func (g *grants) of(connection string, scopes []string) *grant {
	id := make([]byte, 0, 128)
	id = append(id, connection...)
	for _, s := range scopes {
		id = append(append(id, 0), s...)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if made, ok := g.made[string(id)]; ok {
		return made
	}
	made := &grant{connection: connection, upstream: g.upstreams[connection]}
	if made.upstream != nil {
		made.held = made.upstream.scopes.hold(scopes)
	}
	g.made[string(id)] = made
	return made
}

const shards = 4096

// snapshot is every known key at one moment, by hash. It is never changed.
// One that differs in a few keys shares all but their shards with it, so that
// a change costs the same among a million keys as among a thousand.
type snapshot struct {
	shards [shards]map[[32]byte]*key
	size   int
}

func shardOf(hash [32]byte) int { return (int(hash[0])<<8 | int(hash[1])) % shards }

func (s *snapshot) find(hash [32]byte) *key { return s.shards[shardOf(hash)][hash] }

// with returns a snapshot in which the given keys replace those of the same
// hash.
func (s *snapshot) with(changed []storage.GatewayKey, g *grants) *snapshot {
	next := *s
	var copied [shards]bool
	for _, row := range changed {
		old := next.find(row.Hash)
		if old.same(row) {
			continue
		}
		i := shardOf(row.Hash)
		if !copied[i] {
			shard := make(map[[32]byte]*key, len(next.shards[i])+1)
			maps.Copy(shard, next.shards[i])
			next.shards[i], copied[i] = shard, true
		}
		if old == nil {
			next.size++
		}
		next.shards[i][row.Hash] = newKey(row, old, g)
	}
	return &next
}

// fill adds one key to a snapshot that nobody sees yet. Keys that are
// unchanged since before are the same.
func (s *snapshot) fill(row storage.GatewayKey, before *snapshot, g *grants) {
	i := shardOf(row.Hash)
	if s.shards[i] == nil {
		s.shards[i] = make(map[[32]byte]*key, len(before.shards[i]))
	}
	k := before.find(row.Hash)
	if !k.same(row) {
		k = newKey(row, k, g)
	}
	s.shards[i][row.Hash] = k
	s.size++
}

// same reports whether the row says nothing new. Scopes and tokens change with
// a stamp.
func (k *key) same(row storage.GatewayKey) bool {
	return k != nil && k.id == row.ID && k.alive == row.Alive && k.expires.Equal(row.ExpiresAt) && k.changed.Equal(row.ChangedAt)
}

func newKey(row storage.GatewayKey, old *key, g *grants) *key {
	k := &key{
		id:      row.ID,
		grant:   g.of(row.Connection, row.Scopes),
		expires: row.ExpiresAt,
		alive:   row.Alive,
		changed: row.ChangedAt,
	}
	if row.Alive && row.Kind == string(connectors.OAuthGrant) {
		k.token = g.tokens.open(row, k.grant.upstream)
		k.broken = k.token == nil
	}
	if old != nil {
		k.use = old.use
		return k
	}
	k.use = &use{}
	return k
}
