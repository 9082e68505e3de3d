package workflow

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// AskFacts is `request` in a policy's conditions.
type AskFacts struct {
	Connection string        `cel:"connection"`
	Kind       string        `cel:"kind"`
	Scopes     []string      `cel:"scopes"`
	Access     string        `cel:"access"` // the strongest of the scopes: read, write, admin
	Lifetime   time.Duration `cel:"lifetime"`
	Reason     string        `cel:"reason"`
}

// PersonFacts is `requester` in a policy's conditions.
type PersonFacts struct {
	Email  string   `cel:"email"`
	Name   string   `cel:"name"`
	Groups []string `cel:"groups"`
}

// conditionCost bounds one evaluation, so that no condition can stall a vote.
const conditionCost = 10_000

func newConditionEnv() (*cel.Env, error) {
	return cel.NewEnv(
		ext.NativeTypes(reflect.TypeFor[AskFacts](), reflect.TypeFor[PersonFacts](), ext.ParseStructTags(true)),
		ext.Strings(),
		cel.Variable("request", cel.ObjectType("workflow.AskFacts")),
		cel.Variable("requester", cel.ObjectType("workflow.PersonFacts")),
	)
}

// compileCondition makes a program of a condition that yields true or false.
func compileCondition(env *cel.Env, source string) (cel.Program, error) {
	ast, issues := env.Compile(source)
	if issues != nil && issues.Err() != nil {
		return nil, fmt.Errorf("condition: %s", issues.Errors()[0].Message)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("condition: gives %s, must give true or false", ast.OutputType())
	}
	p, err := env.Program(ast, cel.CostLimit(conditionCost))
	if err != nil {
		return nil, fmt.Errorf("condition: %w", err)
	}
	return p, nil
}

// holds evaluates a condition; none at all holds. A condition may fail to
// evaluate (the tenth letter of a short reason): the caller decides what is
// safe then, for whoever asks chooses what is evaluated.
func holds(p cel.Program, ask AskFacts, person PersonFacts) (bool, error) {
	if p == nil {
		return true, nil
	}
	out, _, err := p.Eval(map[string]any{"request": ask, "requester": person})
	if err != nil {
		return false, fmt.Errorf("evaluate condition: %w", err)
	}
	yes, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("evaluate condition: gives %s", out.Type())
	}
	return yes, nil
}
