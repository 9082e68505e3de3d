package web_test

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is one headless Chromium that the tests of a run share; each test
// gets a profile and a tab of its own.
type browser struct{ ctx context.Context }

func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := findChromium()
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium on the PATH; CI must run the browser tests")
		}
		t.Skip("no Chromium on the PATH; install chromium to run the browser tests")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return &browser{ctx: ctx}
}

func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// open loads a URL in a tab of its own. Any error the page logs or throws fails
// the test.
func (b *browser) open(t *testing.T, url string) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx, problems: &problems{}}
	if err := chromedp.Listen(ctx, p.problems.listen); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	focused := emulation.SetFocusEmulationEnabledParams{Enabled: true}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, focused); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	p.do(chromedp.EmulateViewport(1280, 860), chromedp.Navigate(url))
	t.Cleanup(func() {
		for _, problem := range p.problems.take() {
			t.Errorf("the page reported: %s", problem)
		}
	})
	return p
}

// problems collects what a page throws and logs as an error.
type problems struct {
	mu   sync.Mutex
	seen []string
}

func (s *problems) listen(event any) {
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		s.add(event.ExceptionDetails.Text + " " + description(event.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeWarning {
			s.add(description(event.Args[0]))
		}
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError {
			s.add(event.Entry.Text + " " + event.Entry.URL)
		}
	}
}

func description(object *runtime.RemoteObject) string {
	if object == nil {
		return ""
	}
	return object.Description + string(object.Value)
}

func (s *problems) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, text)
}

// take gives what was collected and starts anew.
func (s *problems) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}
