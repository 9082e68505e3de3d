package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/storage"
)

// IssueArgs is the job that makes a key.
type IssueArgs struct {
	ID storage.CredentialID `json:"id"`
}

// Kind implements river.JobArgs.
func (IssueArgs) Kind() string { return "issue_credential" }

// InsertOpts implements river.JobArgsWithInsertOpts: one try a job, because it
// is the sweep that tries again, when the row's lease ends.
func (IssueArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// RevokeArgs is the job that ends a key at its vendor.
type RevokeArgs struct {
	ID storage.CredentialID `json:"id"`
}

// Kind implements river.JobArgs.
func (RevokeArgs) Kind() string { return "revoke_credential" }

// InsertOpts implements river.JobArgsWithInsertOpts, as for IssueArgs.
func (RevokeArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// NotifyArgs is the job that brings messages up to date.
type NotifyArgs struct {
	Subject string `json:"subject"`
	ID      int64  `json:"id"`
}

// Kind implements river.JobArgs.
func (NotifyArgs) Kind() string { return "notify" }

// notifyForever keeps a message that could not be sent; Slack may be down for
// long.
const notifyForever = maxTries

// maxTries is as many as River can count. With half an hour between the later
// ones it is for ever.
const maxTries = math.MaxInt16

// notifyQueue is a queue of its own, so that many messages neither hold up
// keys nor crowd out the people who are clicking.
const notifyQueue = "notify"

// InsertOpts implements river.JobArgsWithInsertOpts.
func (NotifyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: notifyForever, Queue: notifyQueue}
}

func notifyRequest(ctx context.Context, tx storage.Tx, id storage.RequestID) error {
	return tx.Enqueue(ctx, NotifyArgs{storage.SubjectRequest, int64(id)}, nil)
}

// notifyCredential tells of a credential; its request's messages show it too.
func notifyCredential(ctx context.Context, tx storage.Tx, c storage.Credential) error {
	return tx.Enqueue(ctx, NotifyArgs{storage.SubjectCredential, int64(c.ID)}, nil)
}

// underWay keeps a job from being added while one like it is not done.
var underWay = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending,
	rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled}}

// Limits of one job. Work that a crash interrupted is taken up again by the
// sweep when its lease ends, or by River's rescue at the latest.
const (
	jobTimeout    = 25 * time.Second
	rescueAfter   = 45 * time.Second
	jobWorkers    = 16
	notifyWorkers = 4
)

// Workers runs background jobs until stopped.
type Workers struct{ client *river.Client[pgx.Tx] }

// NewWorkers prepares the jobs; Start runs them.
func (s *Service) NewWorkers(n Notifier) (*Workers, error) {
	all := river.NewWorkers()
	river.AddWorker(all, river.WorkFunc(func(ctx context.Context, j *river.Job[IssueArgs]) error {
		return outcome(s.Issue(ctx, j.Args.ID))
	}))
	river.AddWorker(all, river.WorkFunc(func(ctx context.Context, j *river.Job[RevokeArgs]) error {
		return outcome(s.FinishRevoke(ctx, j.Args.ID))
	}))
	river.AddWorker(all, river.WorkFunc(func(ctx context.Context, j *river.Job[RefreshArgs]) error {
		return outcome(s.RefreshGrant(ctx, j.Args.ID))
	}))
	river.AddWorker(all, river.WorkFunc(func(ctx context.Context, j *river.Job[BatchArgs]) error {
		return outcome(s.RunBatch(ctx, j.Args.ID))
	}))
	river.AddWorker(all, river.WorkFunc(func(ctx context.Context, j *river.Job[OverdueArgs]) error {
		return outcome(s.EndOverdue(ctx, j.Args.Connection))
	}))
	river.AddWorker(all, river.WorkFunc(func(ctx context.Context, j *river.Job[EvidenceArgs]) error {
		return outcome(s.WriteEvidence(ctx, j.Args.ID))
	}))
	addPatient(all, func(ctx context.Context, _ ReplanArgs) error { return s.Replan(ctx) })
	addPatient(all, func(ctx context.Context, a OffboardArgs) error { return s.RunOffboarding(ctx, a.ID) })
	addPatient(all, func(ctx context.Context, a RoleChangeArgs) error { return s.RoleChanged(ctx, a.Person) })
	addPatient(all, func(ctx context.Context, a DeliverArgs) error { return s.Deliver(ctx, a.ID) })
	addPatient(all, func(ctx context.Context, a FetchLeakArgs) error { return s.FetchLeak(ctx, a.Connection, a.Ref) })
	addPatient(all, func(ctx context.Context, a DecideArgs) error { return s.TellVendor(ctx, a.ID) })
	addPatient(all, func(ctx context.Context, a MatchStateArgs) error { return s.MatchState(ctx, a.ID) })
	river.AddWorker(all, &strayWorker{service: s})
	river.AddWorker(all, &notifyWorker{service: s, notifier: n})
	client, err := river.NewClient(riverpgxv5.New(s.DB.Pool()), &river.Config{
		Workers:              all,
		Queues:               s.queues(),
		FetchCooldown:        20 * time.Millisecond,
		FetchPollInterval:    time.Second,
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		Logger:               slog.New(zerolog.NewSlogHandler(s.Logger.Level(max(s.Logger.GetLevel(), zerolog.WarnLevel)))),
	})
	if err != nil {
		return nil, fmt.Errorf("prepare jobs: %w", err)
	}
	return &Workers{client}, nil
}

// Start begins to work.
func (w *Workers) Start(ctx context.Context) error { return w.client.Start(ctx) }

// Stop takes no new jobs and waits for those under way; when the context ends
// first they are cut short, to be taken up again elsewhere.
func (w *Workers) Stop(ctx context.Context) error {
	if err := w.client.Stop(ctx); err == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return w.client.StopAndCancel(hard)
}

// notifyWorker keeps the notifier's own pace: quick at first, then every half
// minute for as long as Slack is away.
type notifyWorker struct {
	river.WorkerDefaults[NotifyArgs]
	service  *Service
	notifier Notifier
}

// Work implements river.Worker.
func (w *notifyWorker) Work(ctx context.Context, j *river.Job[NotifyArgs]) error {
	switch j.Args.Subject {
	case storage.SubjectRequest:
		return outcome(w.notifier.RequestChanged(ctx, storage.RequestID(j.Args.ID)))
	case storage.SubjectBatch:
		return w.followBatch(ctx, storage.BatchID(j.Args.ID))
	case storage.SubjectDigest:
		return outcome(w.notifier.DigestChanged(ctx, storage.DigestID(j.Args.ID)))
	case storage.SubjectCampaign:
		return outcome(w.notifier.CampaignChanged(ctx, storage.CampaignID(j.Args.ID)))
	case storage.SubjectOffboarding:
		return outcome(w.notifier.OffboardingChanged(ctx, storage.OffboardingID(j.Args.ID)))
	case storage.SubjectLeak:
		return outcome(w.notifier.LeakFound(ctx, storage.LeakID(j.Args.ID)))
	case storage.SubjectQuarantine:
		return outcome(w.notifier.QuarantineChanged(ctx, storage.QuarantineID(j.Args.ID)))
	case storage.SubjectFinding:
		return outcome(w.notifier.AuditFound(ctx, storage.FindingID(j.Args.ID)))
	}
	return outcome(w.notifier.CredentialChanged(ctx, storage.CredentialID(j.Args.ID)))
}

// batchAgain is how often people see how far a running batch came.
const batchAgain = 2 * time.Second

// followBatch tells of a batch again and again until it is done.
func (w *notifyWorker) followBatch(ctx context.Context, id storage.BatchID) error {
	b, err := w.service.LookAtBatch(ctx, id)
	if err != nil {
		return outcome(err)
	}
	if err := w.notifier.BatchChanged(ctx, id); err != nil || b.State != storage.BatchRunning {
		return outcome(err)
	}
	return river.JobSnooze(batchAgain)
}

// NextRetry implements river.Worker.
func (w *notifyWorker) NextRetry(j *river.Job[NotifyArgs]) time.Time {
	return time.Now().Add(min(time.Second<<min(max(j.Attempt-1, 0), 5), 30*time.Second))
}

// patientWorker tries for ever, at most half an hour apart.
type patientWorker[A river.JobArgs] struct {
	river.WorkerDefaults[A]
	work func(context.Context, A) error
}

func addPatient[A river.JobArgs](all *river.Workers, work func(context.Context, A) error) {
	river.AddWorker(all, &patientWorker[A]{work: work})
}

// Work implements river.Worker.
func (w *patientWorker[A]) Work(ctx context.Context, j *river.Job[A]) error {
	return outcome(w.work(ctx, j.Args))
}

// NextRetry implements river.Worker.
func (w *patientWorker[A]) NextRetry(j *river.Job[A]) time.Time {
	return time.Now().Add(min(time.Second<<min(max(j.Attempt-1, 0), 11), 30*time.Minute))
}

// TryAgainError is a Notifier's wish to be called again after a while, because
// it was asked to slow down.
type TryAgainError struct{ After time.Duration }

// Error implements error.
func (e *TryAgainError) Error() string { return "asked to wait " + e.After.String() }

// outcome maps an error once for all jobs.
func outcome(err error) error {
	var limited *connectors.RateLimitedError
	var again *TryAgainError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, connectors.ErrUnrecoverable), errors.Is(err, storage.ErrNotFound):
		return river.JobCancel(err)
	case errors.As(err, &limited):
		return river.JobSnooze(limited.After)
	case errors.As(err, &again):
		return river.JobSnooze(again.After)
	}
	return err
}
