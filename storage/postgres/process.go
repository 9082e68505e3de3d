//go:build unix

package postgres

import (
	"os"
	"syscall"
)

// processAttributes runs a child as the account and in a process group of its
// own: Ctrl-C in a terminal then reaches us alone, and we stop the server
// after those who use it.
func processAttributes(acct *account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: acct.credential(), Setpgid: true}
}

// environment is all the server's programs get to see of ours. Ours holds
// secrets, and PG* variables would change what the programs do.
func environment(home string) []string {
	env := []string{"LC_ALL=C", "TZ=UTC", "HOME=" + home}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		value, ok := os.LookupEnv(name)
		if ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
