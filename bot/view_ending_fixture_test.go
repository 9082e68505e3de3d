package bot

import (
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// owned is Alice's key with everything that can be done about its end.
func owned() workflow.CredentialView {
	v := withID(activeKey(), 3)
	v.Flags = []storage.Flag{storage.FlagExpiring}
	v.Credential.ExpiresAt = noon().Add(3 * day24)
	v.Can = workflow.Options{Revoke: true, Suspend: true, HandOver: true, Rotate: true, Extend: true, Edit: true, Exempt: true}
	return v
}

// named has a name, a note and an exemption, and its owner lets it expire.
func named() workflow.CredentialView {
	v := owned()
	c := &v.Credential
	c.Label, c.Note, c.LetExpire, c.ExemptUntil = "Payroll <import>", "Runs on the 3rd.\n<!channel> asks *Bob*.", true, noon().Add(30*day24)
	return v
}

// unused is warned about because nobody uses it.
func unused() workflow.CredentialView {
	v := withID(owned(), 4)
	c := &v.Credential
	c.ExpiresAt, c.WarnedAt, c.EnforceAt, c.LastUsedAt = noon().Add(90*day24), noon(), noon().Add(7*day24), noon().Add(-40*day24)
	v.Flags = []storage.Flag{storage.FlagStale}
	v.Events = append(v.Events, eventAt(61, actionWarned, "", "", storage.System("enforcement"), "nobody used it for 30 days"))
	return v
}

// stopped was suspended because nobody used it.
func stopped() workflow.CredentialView {
	v := unused()
	v.Credential.State, v.Credential.StateReason = storage.CredentialSuspended, "nobody used it for 30 days"
	v.Can = workflow.Options{Revoke: true, Resume: true, HandOver: true, Edit: true, Exempt: true}
	return v
}

// rotationOf is a rotation of key 3 by key 8.
func rotationOf(way string, state storage.CredentialState, collected bool) storage.Rotation {
	r := storage.Rotation{NewID: 8, OldID: 3, Way: way, EndsAt: noon().Add(60 * day24), OverlapS: int64(day24 / time.Second), Reason: "The laptop with <it> was lost.",
		Contacts: []string{"bob@example.com"}, NewState: state, NewCollected: collected}
	if state == storage.CredentialActive {
		r.OldEndsAt = noon().Add(day24)
	}
	return r
}

// replaced is the old key of a rotation.
func replaced(r storage.Rotation, traffic int64) workflow.CredentialView {
	v := owned()
	v.ReplacedBy, v.Rotations, v.Traffic = r.NewID, []storage.Rotation{r}, traffic
	v.Can.Rotate, v.Can.Extend = false, false
	return v
}

// fresh is the new key of a rotation.
func fresh(r storage.Rotation) workflow.CredentialView {
	v := withID(uncollected(), r.NewID)
	if r.NewCollected {
		v = withID(activeKey(), r.NewID)
	}
	v.Credential.ReplacesID, v.Rotations = r.OldID, []storage.Rotation{r}
	return v
}

// toVault goes, or went, into a sink.
func toVault(version string) workflow.CredentialView {
	v := withID(uncollected(), 8)
	v.Credential.Sink, v.Credential.Place, v.Credential.SinkVersion = "vault", "payroll/tempo", version
	v.Collected, v.RevealURL = version != "", ""
	v.Can = workflow.Options{Revoke: true, Rotate: true, Extend: true}
	return v
}

func failed() (workflow.CredentialView, storage.Event) {
	v := owned()
	e := eventAt(71, actionNotReplaced, "", "", storage.System("rotation"), "the system refused to make the key; an admin can see why in the log")
	v.Events = append(v.Events, e)
	return v, e
}

func blocked() (workflow.CredentialView, storage.Event) {
	v := toVault("")
	e := eventAt(81, actionNotDelivered, "", "", storage.System("deliver"), "something else is in vault at payroll/tempo; it is left as it is")
	v.Events = append(v.Events, e)
	return v, e
}

func lineOf(v workflow.CredentialView, as string, kinds ...string) workflow.DigestLine {
	return workflow.DigestLine{Key: v, Kinds: kinds, Mine: as == workflow.ToldOwner, As: as, Rotate: v.Can.Rotate, Extend: v.Can.Extend, By: v.ReplacedBy}
}

func digestOf(lines ...workflow.DigestLine) workflow.DigestView {
	return workflow.DigestView{Digest: storage.Digest{ID: 1, PersonID: 1, CreatedAt: noon()}, Person: alice(), Lines: lines}
}

// dealtWith is a digest of keys that need no more, each for another reason.
func dealtWith() workflow.DigestView {
	mine, expiry := workflow.ToldOwner, storage.NoticeExpiry
	moved := lineOf(withID(owned(), 11), mine, expiry)
	moved.Moved = true
	moved.Key.Credential.ExpiresAt = noon().Add(40 * day24)
	back := keyIn(storage.CredentialRevoked)
	back.Credential.StateReason = givenBack
	used, exempt := unused(), unused()
	used.Credential.WarnedAt, exempt.Credential.WarnedAt = time.Time{}, time.Time{}
	exempt.Credential.ExemptUntil = noon().Add(100 * day24)
	gone := withID(keyIn(storage.CredentialRevoked), 15)
	gone.ReplacedBy = 8
	return digestOf(moved, lineOf(withID(named(), 12), mine, expiry), lineOf(withID(back, 13), mine, expiry),
		lineOf(replaced(rotationOf(storage.RotateOverlap, storage.CredentialActive, true), 0), mine, expiry), lineOf(gone, mine, expiry),
		lineOf(withID(used, 16), mine, storage.NoticeStale), lineOf(withID(exempt, 17), mine, storage.NoticeOverAge),
		lineOf(withID(owned(), 18), workflow.ToldNoMore, expiry), lineOf(withID(keyIn(storage.CredentialRevokeFailed), 19), mine, expiry))
}

func manyEnding(n int) workflow.DigestView {
	var lines []workflow.DigestLine
	for i := range n {
		lines = append(lines, lineOf(withID(owned(), storage.CredentialID(100+i)), workflow.ToldOwner, storage.NoticeExpiry))
	}
	return digestOf(lines...)
}

// ofOthers is a digest of somebody who hears of the keys of others.
func ofOthers() workflow.DigestView {
	franks, nobodys := owned(), withID(owned(), 5)
	franks.Owner, franks.Credential.OwnerID = workflow.Person{ID: 7, Name: "Frank Fisher"}, 7
	nobodys.Owner, nobodys.Credential.OwnerID = workflow.Person{}, 0
	return digestOf(lineOf(franks, workflow.ToldManager, storage.NoticeExpiry), lineOf(nobodys, workflow.ToldAnswers, storage.NoticeStale, storage.NoticeExpiry))
}

// endingRequests are requests about keys that were granted before.
func endingRequests() map[string]workflow.RequestView {
	more, instead, sunk := oneApproval(), oneApproval(), oneApproval()
	more.Request.ExtendsID, more.Holds = 3, []workflow.CredentialView{owned(), activeKey()}
	instead.Request.RotatesID, instead.Holds = 3, more.Holds
	sunk.Request.Sink, sunk.Request.Place = "vault", "payroll/tempo"
	out := map[string]workflow.RequestView{"extending": more, "rotating": instead, "to_vault": sunk}
	for name, v := range map[string]workflow.RequestView{"extended": more, "rotated": instead} {
		v.Request.State, v.Request.DecidedAt, v.Request.LapsesAt = storage.RequestFulfilled, noon(), time.Time{}
		out[name] = v
	}
	rotated := out["rotated"]
	rotated.Holds = []workflow.CredentialView{replaced(rotationOf(storage.RotateOverlap, storage.CredentialActive, false), 0)}
	out["rotated"] = rotated
	late := more
	late.Request.State, late.Request.StateReason, late.Request.DecidedAt = storage.RequestFailed, "the key is not there any more as it was", noon()
	out["extended_late"] = late
	return out
}

// endingMessages are the messages about keys that end.
func endingMessages() map[string]message {
	over, quiet := rotationOf(storage.RotateOverlap, storage.CredentialActive, true), rotationOf(storage.RotateOverlap, storage.CredentialActive, false)
	quiet.QuietS = 3600
	overAge := withID(unused(), 6)
	overAge.Credential.LastUsedAt, overAge.Can.Suspend = noon(), false
	notReplaced, failure := failed()
	notDelivered, block := blocked()
	ended := replaced(over, 0)
	ended.Credential.State, ended.Credential.StateReason = storage.CredentialRevoked, "replaced by "+ended.ReplacedBy.String()
	ended.Events = append(ended.Events, eventAt(91, "credential.revoking", "active", "revoking", storage.System("rotation"), ended.Credential.StateReason))
	expired := lineOf(withID(keyIn(storage.CredentialExpired), 7), workflow.ToldOwner, storage.NoticeExpiry, storage.NoticeExpired)
	vaultOverlap := replaced(rotationOf(storage.RotateOverlap, storage.CredentialActive, false), 1)
	vaultOverlap.Credential.Sink, vaultOverlap.Credential.Place, vaultOverlap.Credential.SinkVersion = "vault", "payroll/tempo", "3"
	out := map[string]message{
		"digest_one":         digestMessage(digestOf(lineOf(owned(), workflow.ToldOwner, storage.NoticeExpiry)), reader{ID: 1}, "/tokens"),
		"digest":             digestMessage(digestOf(lineOf(owned(), workflow.ToldOwner, storage.NoticeExpiry), lineOf(unused(), workflow.ToldOwner, storage.NoticeStale), expired, lineOf(overAge, workflow.ToldOwner, storage.NoticeOverAge), lineOf(withID(stopped(), 9), workflow.ToldOwner, storage.NoticeStale)), reader{ID: 1}, "/tokens"),
		"digest_settled":     digestMessage(dealtWith(), reader{ID: 1}, "/tokens"),
		"digest_many":        digestMessage(manyEnding(40), reader{ID: 1}, "/tokens"),
		"digest_many_admin":  digestMessage(manyEnding(13), erinReads(), "/tokens"),
		"digest_others":      digestMessage(ofOthers(), reader{ID: 1}, "/tokens"),
		"digest_admin":       digestMessage(ofOthers(), erinReads(), "/tokens"),
		"key_owned":          keyMessage(owned(), noon()),
		"key_let_expire":     keyMessage(named(), noon()),
		"key_stopped":        keyMessage(stopped(), noon()),
		"key_replaces":       keyMessage(fresh(quiet), noon().Add(day24)),
		"key_replaces_now":   keyMessage(fresh(rotationOf(storage.RotateInPlace, storage.CredentialActive, false)), noon().Add(day24)),
		"key_replaces_used":  keyMessage(fresh(over), time.Time{}),
		"key_replaced_soon":  keyMessage(replaced(rotationOf(storage.RotateOverlap, storage.CredentialIssuing, true), 0), noon()),
		"key_replaced_guide": keyMessage(replaced(rotationOf(storage.RotateGuided, storage.CredentialIssuing, true), 0), noon()),
		"key_replaced_now":   keyMessage(replaced(rotationOf(storage.RotateInPlace, storage.CredentialIssuing, true), 0), noon()),
		"key_replaced_wait":  keyMessage(replaced(quiet, 12), noon()),
		"key_replaced_quiet": keyMessage(replaced(over, 0), noon()),
		"key_to_vault":       keyMessage(toVault(""), noon()),
		"key_in_vault":       keyMessage(toVault("1"), noon()),
		"key_vault_replaced": keyMessage(vaultOverlap, noon()),
		"last_replaced":      lastMessage(ended),
		"not_replaced":       notReplacedMessage(notReplaced, failure),
		"not_delivered":      notDeliveredMessage(notDelivered, block, noon().Add(day24)),
		"delivered_after":    deliveryOver(toVault("1")),
		"delivered_never":    deliveryOver(keyIn(storage.CredentialRevoked)),
		"contact_new":        contactNewMessage(fresh(over), over),
		"contact_new_now":    contactNewMessage(fresh(over), rotationOf(storage.RotateInPlace, storage.CredentialActive, true)),
		"contact_old":        contactOldMessage(ended, over),
		"let_expire":         letExpireMessage(owned().Credential, 1),
		"let_expire_admin":   letExpireMessage(owned().Credential, 5),
		"show_owned":         showMessage(fileOf(owned(), reader{ID: 1})),
		"show_owned_admin":   showMessage(fileOf(owned(), erinReads())),
		"show_named":         showMessage(fileOf(named(), erinReads())),
		"show_unused":        showMessage(fileOf(unused(), reader{ID: 1})),
		"show_replaced":      showMessage(fileOf(replaced(over, 1), reader{ID: 1})),
		"show_replaces":      showMessage(fileOf(fresh(over), reader{ID: 1})),
		"show_to_vault":      showMessage(fileOf(toVault(""), reader{ID: 1})),
		"list_owned":         listMessage(listing{Keys: []workflow.CredentialView{owned(), withID(named(), 12)}, Reader: reader{ID: 1, Admin: true}}),
	}
	for name, v := range endingRequests() {
		out["card_"+name] = cardMessage(v, "", 2)
		out["status_"+name] = statusMessage(v)
		out["request_"+name] = requestMessage(v)
		if all := decisions(v); len(all) > 0 {
			out["thread_"+name] = all[len(all)-1].message
		}
	}
	return out
}

func planOfRotation(way string) workflow.RotatePlan {
	v := owned()
	return workflow.RotatePlan{Key: v, Way: way, Overlap: days(1), Ends: v.Credential.ExpiresAt, Latest: noon().Add(90 * day24), Review: true}
}

func rotatePlans() map[string]workflow.RotatePlan {
	overlap, place, guided, sink, reads := planOfRotation(storage.RotateOverlap), planOfRotation(storage.RotateInPlace), planOfRotation(storage.RotateGuided),
		planOfRotation(storage.RotateOverlap), planOfRotation(storage.RotateOverlap)
	overlap.Quiet = workflow.Duration(time.Hour)
	place.Overlap = 0
	sink.Key.Credential.Sink, sink.Key.Credential.Place = "vault", "payroll/tempo"
	reads.Review, reads.Latest = false, reads.Ends
	return map[string]workflow.RotatePlan{"overlap": overlap, "in_place": place, "guided": guided, "sink": sink, "reads": reads}
}

func sinkForm() requestForm {
	f := chosenForm()
	f.Offer.Read.Sinks = []workflow.SinkChoice{{Name: "aws", Kind: "awssecrets"}, {Name: "vault", Kind: "vault", Places: []string{"payroll/*", "hr/tempo"}}}
	f.Offer.Sinks = f.Offer.Read.Sinks
	return f
}

// endingModals are the forms about keys that end.
func endingModals() map[string]slack.ModalViewRequest {
	into, anywhere := sinkForm(), sinkForm()
	into.Sink, into.Place, anywhere.Sink = "vault", "payroll/tempo", "aws"
	into.Preset = presetRead
	more := workflow.ExtendPlan{Key: owned(), Longest: days(60), Review: true}
	reads := workflow.ExtendPlan{Key: owned(), Longest: workflow.Duration(20*day24 + 7*time.Minute)}
	ask := workflow.Ask{Connection: "tempo", Kind: workflow.APIKey, Scopes: []string{"worklogs:manage"}, Lifetime: days(30), Reason: "Still needed."}
	extend, rotate, sunk := ask, ask, into.ask()
	extend.Extends, rotate.Rotates = 3, 3
	auto := workflow.Preview{Policy: "tempo-read", Auto: true}
	out := map[string]slack.ModalViewRequest{
		"extend":                 extendModal(more, noon()),
		"extend_reads":           extendModal(reads, noon()),
		"edit":                   editModal(owned(), reader{ID: 1}, `{"Key":"TK-0001","Ends":"2026-11-24"}`),
		"edit_named":             editModal(named(), erinReads(), `{"Key":"TK-0001","Ends":"2026-11-24"}`),
		"edit_found":             editModal(foundFor(), reader{ID: 1}, `{"Key":"TK-0001"}`),
		"exempt":                 exemptModal(unused()),
		"exempt_again":           exemptModal(named()),
		"preview_extend":         previewModal(extend, previewOf(), tempoScopes(), ""),
		"preview_extend_auto":    previewModal(extend, auto, tempoScopes(), ""),
		"preview_rotate":         previewModal(rotate, previewOf(), tempoScopes(), ""),
		"preview_sink":           previewModal(sunk, auto, tempoScopes(), ""),
		"request_sinks":          requestModal(sinkForm(), 3),
		"request_sink":           requestModal(into, 3),
		"request_sink_any":       requestModal(anywhere, 3),
		"approve_less_extending": approveLessModal(endingRequests()["extending"], "RQ-0001"),
	}
	for name, plan := range rotatePlans() {
		out["rotate_"+name] = rotateModal(plan, noon(), reader{ID: 1})
	}
	out["rotate_admin"] = rotateModal(planOfRotation(storage.RotateOverlap), noon(), erinReads())
	return out
}

func endingHome() workflow.HomeView {
	h := fullHome()
	h.Keys = append(h.Keys, owned(), unused(), withID(named(), 12))
	return h
}
