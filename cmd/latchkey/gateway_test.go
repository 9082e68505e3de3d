package main

import (
	"reflect"
	"testing"

	"latchkey/cmd/latchkey/config"
)

// TestEveryLimitReachesTheGateway guards the copy.
func TestEveryLimitReachesTheGateway(t *testing.T) {
	t.Parallel()
	var in config.GatewayLimits
	v := reflect.ValueOf(&in).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(i) + 1)
	}
	out := reflect.ValueOf(gatewayLimits(in))
	if out.NumField() != v.NumField() {
		t.Errorf("the gateway has %d limits, the file %d", out.NumField(), v.NumField())
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if got := out.FieldByName(name); !got.IsValid() || got.Int() != int64(i)+1 {
			t.Errorf("%s is not copied", name)
		}
	}
}
