// Package bot owns Slack in and out: the sockets, the one place that acks, the
// dispatch table, the views (pure functions of what workflow returns), the
// directory of people and groups, and the notifications.
//
// It does not own any rule: whether somebody may do something is workflow's
// answer, never a button's.
package bot
