package bot

import (
	"context"

	"latchkey/storage"
)

// BatchChanged implements workflow.Notifier.
func (n *Notifier) BatchChanged(context.Context, storage.BatchID) error { return nil }
