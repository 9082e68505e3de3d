//go:build unix && !linux

package postgres

import "syscall"

// tieToParent does nothing: this kernel can't signal a child when its parent
// dies. The next start on the same directory stops what was left running.
func tieToParent(*syscall.SysProcAttr) {}
