package awssecretstest

type tag struct{ Key, Value *string }

func (d *Double) createSecret(body []byte) reply {
	var in struct {
		Name, ClientRequestToken, SecretString string
		Tags                                   []tag
	}
	switch {
	case !decode(body, &in):
		return refuse("SerializationException", "")
	case !validName(in.Name):
		return refuse(badParameter, "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	case !validToken(in.ClientRequestToken), in.SecretString == "", len(in.SecretString) > maxValue:
		return refuse(badParameter, "You must provide either SecretString or SecretBinary, and a ClientRequestToken of 32 to 64 characters.")
	case !validTags(in.Tags):
		return refuse(badParameter, "a tag is not valid")
	}
	made := d.secrets[in.Name]
	answer := ok(object{"ARN": d.arn(in.Name), "Name": in.Name, "VersionId": in.ClientRequestToken})
	switch {
	case made != nil && !made.leaving.IsZero():
		return refuse(badState, "You can't create this secret because a secret with this name is already scheduled for deletion.")
	case made != nil && made.values[in.ClientRequestToken] == in.SecretString:
		return answer
	case made != nil:
		return refuse("ResourceExistsException", "The operation failed because the secret "+in.Name+" already exists.")
	}
	e := &entry{
		name: in.Name, tags: map[string]string{}, stages: map[string]string{current: in.ClientRequestToken},
		values: map[string]string{in.ClientRequestToken: in.SecretString},
	}
	e.tag(in.Tags)
	d.secrets[in.Name] = e
	return answer
}

func (e *entry) tag(tags []tag) {
	for _, t := range tags {
		e.tags[*t.Key] = *t.Value
	}
}

func (d *Double) describeSecret(body []byte) reply {
	var in struct {
		SecretID string `json:"SecretId"`
	}
	if !decode(body, &in) {
		return refuse("SerializationException", "")
	}
	e := d.find(in.SecretID)
	if e == nil {
		return notFound()
	}
	versions, tags := object{}, []object{}
	for id := range e.values {
		if stages := e.stagesOf(id); stages != nil {
			versions[id] = stages
		}
	}
	for key, value := range e.tags {
		tags = append(tags, object{"Key": key, "Value": value})
	}
	answer := object{
		"ARN": d.arn(e.name), "Name": e.name, "Tags": tags, "VersionIdsToStages": versions,
		"CreatedDate": 1795262400.123, "LastChangedDate": 1795262400.123,
	}
	if !e.leaving.IsZero() {
		answer["DeletedDate"] = float64(e.leaving.UnixMilli()) / 1000
	}
	return ok(answer)
}

// open is the secret that a write is for, or the refusal.
func (d *Double) open(id string) (*entry, *reply) {
	e := d.find(id)
	var bad reply
	switch {
	case e == nil:
		bad = notFound()
	case !e.leaving.IsZero():
		bad = refuse(badState, "You can't perform this operation on the secret because it was marked for deletion.")
	default:
		return e, nil
	}
	return nil, &bad
}

func (d *Double) putSecretValue(body []byte) reply {
	var in struct {
		SecretID                         string `json:"SecretId"`
		ClientRequestToken, SecretString string
		VersionStages                    []string
	}
	switch {
	case !decode(body, &in):
		return refuse("SerializationException", "")
	case !validToken(in.ClientRequestToken), in.SecretString == "", len(in.SecretString) > maxValue:
		return refuse(badParameter, "You must provide either SecretString or SecretBinary, and a ClientRequestToken of 32 to 64 characters.")
	}
	e, bad := d.open(in.SecretID)
	if bad != nil {
		return *bad
	}
	value, there := e.values[in.ClientRequestToken]
	if there && value != in.SecretString {
		return refuse("ResourceExistsException", "You can't use ClientRequestToken "+in.ClientRequestToken+" because that value is already in use for a version of secret "+e.name+".")
	}
	stages := in.VersionStages
	if stages == nil || e.stages[current] == "" {
		stages = append(stages, current)
	}
	if !there {
		e.values[in.ClientRequestToken] = in.SecretString
		for _, stage := range stages {
			e.give(stage, in.ClientRequestToken)
		}
	}
	return ok(object{
		"ARN": d.arn(e.name), "Name": e.name, "VersionId": in.ClientRequestToken, "VersionStages": e.stagesOf(in.ClientRequestToken),
	})
}

func (d *Double) updateSecretVersionStage(body []byte) reply {
	var in struct {
		SecretID            string `json:"SecretId"`
		VersionStage        string
		MoveToVersionID     string `json:"MoveToVersionId"`
		RemoveFromVersionID string `json:"RemoveFromVersionId"`
	}
	if !decode(body, &in) || in.VersionStage == "" {
		return refuse("SerializationException", "")
	}
	e, bad := d.open(in.SecretID)
	if bad != nil {
		return *bad
	}
	on := e.stages[in.VersionStage]
	_, there := e.values[in.MoveToVersionID]
	switch {
	case in.MoveToVersionID == "":
		return refuse(badParameter, "the double does not take a label away from every version")
	case !there:
		return notFound()
	case on == in.MoveToVersionID && in.RemoveFromVersionID == "":
	case in.RemoveFromVersionID == "" && on != "":
		return refuse(badParameter, "The parameter RemoveFromVersionId can't be empty. Staging label "+in.VersionStage+
			" is currently attached to version "+on+", so you must explicitly reference that version in RemoveFromVersionId.")
	case in.RemoveFromVersionID != on:
		return refuse(badParameter, "When you move staging label "+in.VersionStage+", if you specify RemoveFromVersionId, "+
			"it must be set to the version that currently has the staging label "+in.VersionStage+".")
	}
	e.give(in.VersionStage, in.MoveToVersionID)
	return ok(object{"ARN": d.arn(e.name), "Name": e.name})
}

func (d *Double) tagResource(body []byte) reply {
	var in struct {
		SecretID string `json:"SecretId"`
		Tags     []tag
	}
	switch {
	case !decode(body, &in):
		return refuse("SerializationException", "")
	case len(in.Tags) == 0 || !validTags(in.Tags):
		return refuse(badParameter, "a tag is not valid")
	}
	e, bad := d.open(in.SecretID)
	if bad != nil {
		return *bad
	}
	e.tag(in.Tags)
	if len(e.tags) > maxTags {
		return refuse(badParameter, "too many tags")
	}
	return reply{status: 200}
}
