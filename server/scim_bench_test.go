package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"golang.org/x/time/rate"
)

// BenchmarkSCIM is a directory's day in small: of ten calls, five look for a
// user, one makes one, two deactivate one or take that back, and two change one
// member of a group of hundreds, among 10,000 users. It reports requests a
// second; the door's own limit is off.
func BenchmarkSCIM(b *testing.B) {
	d := openDirectory(b)
	d.http = httptest.NewServer(d.server.observe(d.server.harden(d.server.scimDoorAt(rate.NewLimiter(rate.Inf, 0)))))
	defer d.http.Close()
	d.manyUsers(b, 10_000)
	group := d.newGroup(b, "Security")
	ids := d.ids(b, `SELECT resource::text FROM scim_user ORDER BY id`)
	d.exec(b, `INSERT INTO scim_member (group_id, user_id) SELECT g.id, u.id FROM scim_group g, scim_user u WHERE u.id % 20 = 0`)
	d.exec(b, `INSERT INTO group_member (source, person_id) SELECT 'scim:Security', u.person_id FROM scim_user u WHERE u.id % 20 = 0`)
	d.http.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = 32
	var next atomic.Int64
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := int(next.Add(1))
			id := ids[n*7919%len(ids)]
			switch n % 10 {
			case 0:
				d.expect(b, http.StatusCreated, http.MethodPost, "/Users", fmt.Sprintf(`{"userName":"new%d@example.com","externalId":"n%d","emails":[{"value":"new%d@example.com","type":"work"}]}`, n, n, n))
			case 1, 2:
				d.expect(b, http.StatusOK, http.MethodPatch, "/Users/"+id, patchOf(fmt.Sprintf(`{"op":"Replace","path":"active","value":"%t"}`, n%10 == 2)))
			case 3:
				d.expect(b, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, patchOf(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, id)))
			case 4:
				d.expect(b, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, patchOf(fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, id)))
			default:
				d.expect(b, http.StatusOK, http.MethodGet, "/Users?count=100&startIndex=1&filter="+url.QueryEscape(fmt.Sprintf(`userName eq "user%d@example.com"`, n%10_000)), "")
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// expect makes a call from any goroutine.
func (d *directory) expect(b *testing.B, want int, method, path, body string) {
	b.Helper()
	if r := d.send(b, method, path, body); r.status != want {
		b.Errorf("%s %s = %d, want %d: %s", method, path, r.status, want, r.body)
	}
}
