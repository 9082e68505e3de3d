package server

import (
	"context"

	"latchkey/secret"
	"latchkey/workflow"
)

type reportLeaksIn struct {
	Body struct {
		Leaks []v1LeakReport `json:"leaks" nullable:"false" minItems:"1" maxItems:"1000" doc:"What was found."`
	}
}

// v1LeakReport is a token that somebody found where it must not be.
type v1LeakReport struct {
	Token  string `json:"token" minLength:"1" maxLength:"8192" doc:"The token as it was found. Of one that Latchkey does not know it keeps only a keyed hash." example:"lk_test_0000000000000000000000000000000000"`
	Type   string `json:"type,omitempty" maxLength:"100" doc:"What the finder takes it for." example:"gitlab_token"`
	Source string `json:"source,omitempty" maxLength:"100" doc:"Where it was." example:"commit"`
	URL    string `json:"url,omitempty" maxLength:"1000" doc:"The address at which it was found." example:"https://github.com/example/repo/blob/main/.env#L3"`
}

// v1LeakOutcome says what became of one report.
type v1LeakOutcome struct {
	Known      bool   `json:"known" doc:"It is a credential that Latchkey knows, and it is dead here from now on." example:"true"`
	Credential string `json:"credential,omitempty" doc:"Which one." example:"TK-7F3K"`
	State      string `json:"state,omitempty" doc:"Where that stands by now." example:"revoking"`
}

// reportedLeaks are outcomes in the order of the reports.
type reportedLeaks struct{ Body v1Every[v1LeakOutcome] }

func (d *v1Door) reportLeaks(ctx context.Context, c v1Call, in *reportLeaksIn) (*reportedLeaks, error) {
	reports := make([]workflow.LeakReport, len(in.Body.Leaks))
	for i, l := range in.Body.Leaks {
		reports[i] = workflow.LeakReport{Token: secret.New(l.Token), Type: l.Type, Source: l.Source, URL: l.URL}
	}
	outcomes, err := d.workflow.ReportLeak(ctx, c.Actor, reports)
	if err != nil {
		return nil, err
	}
	out := &reportedLeaks{}
	out.Body.Data = make([]v1LeakOutcome, len(outcomes))
	for i, o := range outcomes {
		out.Body.Data[i] = v1LeakOutcome{Known: o.Known, Credential: nameOf(o.Credential), State: string(o.State)}
	}
	return out, nil
}
