package web_test

import (
	"context"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"latchkey/bot/slacksim"
)

// testSimulator uses the client on the real simulator with a small app behind
// it: a command opens a form, the form is refused and then taken, a card comes
// and is approved, Home is drawn, a file arrives.
func testSimulator(t *testing.T, chromium *browser) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	sim, err := slacksim.Start(ctx, slacksim.Config{
		Logger: zerolog.Nop(), Timing: slacksim.Timing{AckTimeout: patience, TriggerTTL: patience},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	app := startCoffeeApp(ctx, t, sim)

	p := chromium.open(t, sim.URL()+"/?as=U0ALICE&channel=C0GENERAL")
	p.fill("textbox", "Message #general", "/tokens")
	p.key("\r")
	p.find("dialog", "Order")
	p.press("combobox", "Bean")
	p.press("option", "Arabica")
	p.fill("textbox", "Why", "now")
	p.press("button", "Order")
	p.see(`document.querySelector('[data-block-id=why] .error')?.innerText === 'Say please.'`)
	p.key(", please & <thank you>")
	p.press("button", "Order")
	p.gone("dialog", "Order")
	p.press("button", "Latchkey 1 unread")
	p.see(`document.querySelector('.log').innerText.includes('Arabica: now, please & <thank you>')`)
	p.press("button", "Approve")
	p.find("dialog", "Brew it?")
	p.press("button", "Brew")
	p.see(`document.querySelector('.message-body').innerText.includes('Brewed for @Alice Archer')`)
	p.gone("button", "Approve")
	p.press("tab", "Home")
	p.find("heading", "Coffee for you")

	const orders = "id,bean\n1,Arabica\n"
	if _, err := app.api.UploadFileContext(ctx, slack.UploadFileParameters{
		Channel: "D0ALICE", Filename: "orders.csv", Title: "Orders", FileSize: len(orders), Content: orders,
	}); err != nil {
		t.Fatal(err)
	}
	p.press("tab", "Messages 1 unread")
	p.find("link", "Orders orders.csv, 18 bytes")
	p.find("cell", "Arabica")
	if got := evaluate[string](p, `fetch(document.querySelector('.file').href).then((answer) => answer.text())`); got != orders {
		t.Errorf("the link gives %q", got)
	}
	for _, problem := range sim.Problems() {
		t.Errorf("the simulator reported: %s", problem)
	}
}

// coffeeApp is the smallest app with a form, a card and a Home.
type coffeeApp struct {
	t   *testing.T
	api *slack.Client
}

func startCoffeeApp(ctx context.Context, t *testing.T, sim *slacksim.Sim) *coffeeApp {
	t.Helper()
	app := &coffeeApp{t: t, api: slack.New(sim.BotToken(), slack.OptionAPIURL(sim.APIURL()), slack.OptionAppLevelToken(sim.AppToken()))}
	client := socketmode.New(app.api)
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { _ = client.RunContext(ctx) })
	work.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-client.Events:
				app.handle(ctx, client, event)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		work.Wait()
	})
	if err := sim.Wait(ctx, func() bool { return sim.Sockets() > 0 }); err != nil {
		t.Fatalf("connect the app: %v", err)
	}
	return app
}

func (a *coffeeApp) handle(ctx context.Context, client *socketmode.Client, event socketmode.Event) {
	var reply any
	var err error
	switch data := event.Data.(type) {
	case slack.SlashCommand:
		_, err = a.api.OpenViewContext(ctx, data.TriggerID, orderForm())
	case slack.InteractionCallback:
		reply, err = a.interact(ctx, data)
	case slackevents.EventsAPIEvent:
		if opened, ok := data.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); ok && opened.Tab == "home" {
			_, err = a.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: opened.User, View: slack.HomeTabViewRequest{
				Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewHeaderBlock(words("Coffee for you"))}},
			}})
		}
	default:
		return
	}
	if err == nil {
		err = client.AckCtx(ctx, event.Request.EnvelopeID, reply)
	}
	if err != nil && ctx.Err() == nil {
		a.t.Errorf("the app failed: %v", err)
	}
}

func (a *coffeeApp) interact(ctx context.Context, data slack.InteractionCallback) (any, error) {
	switch data.Type {
	case slack.InteractionTypeBlockSuggestion:
		return slack.OptionsResponse{Options: []*slack.OptionBlockObject{slack.NewOptionBlockObject("arabica", words("Arabica"), nil)}}, nil
	case slack.InteractionTypeViewSubmission:
		values := data.View.State.Values
		why := values["why"]["why"].Value
		if why == "now" {
			return slack.NewErrorsViewSubmissionResponse(map[string]string{"why": "Say please."}), nil
		}
		approve := slack.NewButtonBlockElement("approve", "1", words("Approve")).
			WithConfirm(slack.NewConfirmationBlockObject(words("Brew it?"), words("It takes a minute."), words("Brew"), words("Wait")))
		_, _, err := a.api.PostMessageContext(ctx, data.User.ID, slack.MsgOptionText("An order", false), slack.MsgOptionBlocks(
			slack.NewSectionBlock(words(values["bean"]["bean"].SelectedOption.Text.Text+": "+why), nil, nil),
			slack.NewActionBlock("do", approve),
		))
		return nil, err
	default:
		_, _, _, err := a.api.UpdateMessageContext(ctx, data.Channel.ID, data.Container.MessageTs, slack.MsgOptionText("Brewed", false),
			slack.MsgOptionBlocks(slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "*Brewed* for <@"+data.User.ID+">", false, false), nil, nil)))
		return nil, err
	}
}

func orderForm() slack.ModalViewRequest {
	none := 0
	bean := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, nil, "bean")
	bean.MinQueryLength = &none
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: words("Order"), Submit: words("Order"), Close: words("Cancel"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock("bean", words("Bean"), nil, bean),
			slack.NewInputBlock("why", words("Why"), nil, slack.NewPlainTextInputBlockElement(nil, "why")),
		}},
	}
}

func words(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}
