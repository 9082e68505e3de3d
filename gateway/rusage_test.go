package gateway
import ("testing";"syscall";"time";"fmt")
func cpu() time.Duration { var r syscall.Rusage; syscall.Getrusage(0,&r); return time.Duration(r.Utime.Nano()+r.Stime.Nano()) }
func BenchmarkCPU(b *testing.B) {
	x := newBench(b)
	gateway, bare := x.clients(b, x.gateway), x.clients(b, x.bare)
	run(b, gateway, 2*turn, x.forGateway)
	run(b, bare, 2*turn, x.forBare)
	b.Run("t", func(b *testing.B) {
		var o,t,oc,tc time.Duration
		n:=0
		for ; n < b.N; n += turn {
			c:=cpu()
			o += run(b, gateway, turn, x.forGateway)
			oc += cpu()-c; c=cpu()
			t += run(b, bare, turn, x.forBare)
			tc += cpu()-c
		}
		if n>turn { fmt.Printf("cpu us/req gateway %.1f bare %.1f ratio %.3f  wall ratio %.3f req/s %.0f %.0f\n", float64(oc.Microseconds())/float64(n), float64(tc.Microseconds())/float64(n), tc.Seconds()/oc.Seconds(), t.Seconds()/o.Seconds(), float64(n)/o.Seconds(), float64(n)/t.Seconds()) }
	})
}
