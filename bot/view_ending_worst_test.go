package bot

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// worstEnding is a key with everything that can be said about its end.
func worstEnding(state storage.CredentialState) workflow.CredentialView {
	v := worstKey(state)
	c := &v.Credential
	c.Managed, c.Note, c.Sink, c.Place = true, longNasty(2000), longNasty(300), longNasty(300)
	c.WarnedAt, c.EnforceAt, c.ExemptUntil, c.LetExpire = noon(), noon(), noon(), true
	r := rotationOf(storage.RotateOverlap, storage.CredentialActive, false)
	r.NewID, r.OldID, r.QuietS, r.Reason = 1<<41, c.ID, 1<<30+1, longNasty(1000)
	to := r
	to.NewID, to.OldID = c.ID, 1<<39
	v.ReplacedBy, v.Rotations, v.Traffic = r.NewID, []storage.Rotation{r, to}, 1<<60
	v.Events = append(v.Events, storage.Event{ID: 1, At: noon(), Action: actionWarned, Actor: longNasty(300), Reason: longNasty(1000)})
	v.Can = workflow.Options{Revoke: true, ByHand: true, Suspend: true, Resume: true, HandOver: true, Adopt: true, Rotate: true, Extend: true, Edit: true, Exempt: true}
	return v
}

func worstDigest(as string, live bool) workflow.DigestView {
	out := workflow.DigestView{Person: nastyPerson(1)}
	for i := range 300 {
		v := worstEnding(storage.CredentialActive)
		if live {
			v.ReplacedBy, v.Credential.LetExpire = 0, false
		}
		v.Credential.ID = storage.CredentialID(1<<40 + i)
		l := lineOf(v, as, storage.NoticeExpiry, storage.NoticeExpired, storage.NoticeStale, storage.NoticeOverAge)
		l.Rotate, l.Extend = true, true
		out.Lines = append(out.Lines, l)
	}
	return out
}

// worstEndings are the messages about keys that end, at their worst.
func worstEndings() map[string]message {
	e := storage.Event{At: noon(), Actor: longNasty(300), ActorID: 9, Reason: longNasty(1000)}
	out := map[string]message{}
	for _, as := range []string{workflow.ToldOwner, workflow.ToldManager, workflow.ToldAnswers, workflow.ToldNoMore} {
		out["digest_"+as] = digestMessage(worstDigest(as, true), erinReads(), "/tokens")
		out["digest_settled_"+as] = digestMessage(worstDigest(as, false), reader{ID: 1}, "/tokens")
	}
	few := worstDigest(workflow.ToldOwner, true)
	few.Lines = few.Lines[:maxDigestButtons]
	out["digest_few"] = digestMessage(few, reader{ID: 1}, "/tokens")
	asked := worstRequest(storage.RequestFulfilled)
	for _, state := range append(keyStates(), "other") {
		v := worstEnding(state)
		r := v.Rotations[0]
		out["ending_key_"+string(state)] = keyMessage(v, noon())
		out["ending_last_"+string(state)] = lastMessage(v)
		out["show_ending_"+string(state)] = showMessage(keyFile{CredentialView: v, Asked: &asked, Reader: erinReads()})
		out["not_replaced_"+string(state)] = notReplacedMessage(v, e)
		out["not_delivered_"+string(state)] = notDeliveredMessage(v, e, noon())
		out["delivered_"+string(state)] = deliveryOver(v)
		out["contact_new_"+string(state)] = contactNewMessage(v, r)
		out["contact_old_"+string(state)] = contactOldMessage(v, r)
		v.Credential.Sink = ""
		out["ending_collect_"+string(state)] = keyMessage(v, noon())
		v.Collected = false
		out["ending_use_"+string(state)] = keyMessage(v, noon())
	}
	for _, state := range []storage.RequestState{storage.RequestPending, storage.RequestApproved, storage.RequestFulfilled, storage.RequestFailed} {
		v := worstRequest(state)
		v.Request.Sink, v.Request.Place = longNasty(300), longNasty(300)
		v.Holds[0] = worstEnding(storage.CredentialActive)
		for _, id := range []*storage.CredentialID{&v.Request.ExtendsID, &v.Request.RotatesID} {
			v.Request.ExtendsID, v.Request.RotatesID, v.Credential = 0, 0, nil
			*id = v.Holds[0].Credential.ID
			name := string(state) + "_" + strings.ToLower(asksFor(v.Request)[:4])
			out["ending_card_"+name] = cardMessage(v, longNasty(3000), 0)
			out["ending_status_"+name] = statusMessage(v)
			out["request_ending_"+name] = requestMessage(v)
		}
	}
	return out
}

// worstEndingModals are the forms about keys that end, at their worst.
func worstEndingModals() map[string]slack.ModalViewRequest {
	v := worstEnding(storage.CredentialActive)
	out := map[string]slack.ModalViewRequest{
		"extend":     extendModal(workflow.ExtendPlan{Key: v, Longest: workflow.MaxDuration, Review: true}, noon()),
		"edit":       editModal(v, reader{ID: 1}, strings.Repeat("x", 100)),
		"exempt":     exemptModal(v),
		"key_ending": keyModal(fileOf(v, erinReads())),
	}
	for _, way := range []string{storage.RotateOverlap, storage.RotateInPlace, storage.RotateGuided, ""} {
		plan := planOfRotation(way)
		plan.Key, plan.Overlap, plan.Quiet, plan.Latest = v, workflow.MaxDuration-1e9, workflow.MaxDuration-1e9, noon().AddDate(10, 0, 0)
		out["rotate_"+way] = rotateModal(plan, noon(), reader{ID: 1})
	}
	rules := nastyScopes(120)
	form := requestForm{System: longNasty(70)[:70], Preset: presetChoose, Sink: longNasty(60), Place: longNasty(300), Offer: offerOf(rules, workflow.MaxDuration)}
	form.Offer.Sinks = append([]workflow.SinkChoice{{Name: form.Sink, Places: slices.Repeat([]string{longNasty(200)}, 50)}},
		slices.Repeat([]workflow.SinkChoice{{Name: longNasty(63), Kind: longNasty(300)}}, 150)...)
	out["request_sink"] = requestModal(form, 1000)
	ask := workflow.Ask{Connection: longNasty(70), Kind: workflow.APIKey, Scopes: ruleNames(rules[:50]), Lifetime: workflow.MaxDuration - 1e9, Reason: longNasty(1000), Sink: longNasty(60), Place: longNasty(200)}
	preview := workflow.Preview{Policy: longNasty(300), PendingFor: days(3), Steps: worstRequest(storage.RequestPending).Steps}
	extend, rotate := ask, ask
	extend.Extends, rotate.Rotates = 1<<40, 1<<40
	out["preview_sink"], out["preview_extend"], out["preview_rotate"] = previewModal(ask, preview, rules, ""), previewModal(extend, preview, rules, ""), previewModal(rotate, preview, rules, "")
	return out
}
