package gitlabtest

import "time"

// Populate adds a lived-in world for the demo: people with personal tokens, of
// which some are old, unused, endless, nearly over or dead, a service account,
// and tokens of a group and of a project.
func (d *Double) Populate() {
	day := func(n int) time.Time { return d.now().AddDate(0, 0, n) }
	person := func(name, email string) int64 {
		return d.AddPerson(Person{Name: name, Email: email, Enterprise: true})
	}
	alice, bob := person("Alice", "alice@example.com"), person("Bob", "bob@example.com")
	frank, carol := person("Frank", "frank@example.com"), person("Carol", "carol@example.com")
	platform := d.AddSubgroup(TopGroup, "platform")
	website := d.AddProject(platform, "website")
	deployer := d.AddServiceAccount("deployer")
	for _, t := range []Token{
		{User: alice, Name: "laptop", Scopes: []string{"read_api", "read_repository"}, CreatedAt: day(-40), ExpiresAt: day(50), LastUsedAt: day(-1)},
		{User: alice, Name: "old script", Scopes: []string{"api"}, CreatedAt: day(-500)},
		{User: bob, Name: "ide", Scopes: []string{"api", "read_user"}, CreatedAt: day(-20), ExpiresAt: day(5), LastUsedAt: day(0)},
		{User: carol, Name: "metrics", Scopes: []string{"read_api"}, CreatedAt: day(-200), ExpiresAt: day(100), LastUsedAt: day(-120)},
		{User: carol, Name: "over", Scopes: []string{"api"}, CreatedAt: day(-100), ExpiresAt: day(-10), LastUsedAt: day(-11)},
		{User: frank, Name: "payroll export", Scopes: []string{"api"}, CreatedAt: day(-90), ExpiresAt: day(200), LastUsedAt: day(-2)},
		{User: frank, Name: "push", Scopes: []string{"write_repository"}, CreatedAt: day(-3), ExpiresAt: day(27)},
		{User: deployer, Name: "production", Scopes: []string{"api"}, CreatedAt: day(-300), ExpiresAt: day(60), LastUsedAt: day(0)},
		{Group: TopGroup, Name: "renovate", Scopes: []string{"api", "write_repository"}, AccessLevel: 30, CreatedAt: day(-150), ExpiresAt: day(30), LastUsedAt: day(0)},
		{Group: platform, Name: "registry mirror", Scopes: []string{"read_registry"}, AccessLevel: 20, CreatedAt: day(-10), ExpiresAt: day(80), LastUsedAt: day(-1)},
		{Project: website, Name: "deploy preview", Scopes: []string{"read_repository"}, AccessLevel: 20, CreatedAt: day(-70), ExpiresAt: day(20)},
	} {
		d.AddToken(t)
	}
}
