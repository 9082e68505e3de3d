package main

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"latchkey/connectors"
	"latchkey/gateway"
)

// barePart forwards with the gateway's own transport and nothing else.
type barePart struct {
	Listen   string
	Upstream *url.URL
}

// Run serves until ctx ends.
func (p *barePart) Run(ctx context.Context) error {
	return serve(ctx, p.Listen, &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(p.Upstream) },
		Transport:  gateway.NewTransport(connectors.Upstream{AllowPrivate: true}),
		BufferPool: &buffers{sync.Pool{New: func() any { return new([16 << 10]byte) }}},
	})
}

// buffers implements httputil.BufferPool.
type buffers struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	buf, _ := b.pool.Get().(*[16 << 10]byte)
	return buf[:]
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(buf []byte) { b.pool.Put((*[16 << 10]byte)(buf)) }

// checkPart answers 204 to a known key.
type checkPart struct {
	Listen string
	Keys   string `help:"File of the keys."`
}

// Run serves until ctx ends.
func (p *checkPart) Run(ctx context.Context) error {
	keys, err := readKeys(p.Keys)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(keys))
	for _, key := range keys {
		known[key] = true
	}
	return serve(ctx, p.Listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !known[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
}
