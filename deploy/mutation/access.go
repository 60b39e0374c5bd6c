package main

// inAccess are the rules of access: whatever is taken out lets somebody in who must stay outside.
var inAccess = []mutation{
	{
		name: "algorithm-of-the-token", cause: "access", takes: "only the algorithms that were chosen count",
		file: "transport/http/auth/auth.go", old: "jwt.WithValidMethods(o.Algorithms), ", new: "",
		in: "transport/http", by: []string{"TestTokensThatDoNotHold"},
	},
	{
		name: "tokens-for-ever", cause: "access", takes: "a token expires",
		file: "transport/http/auth/auth.go", old: "jwt.WithExpirationRequired(), ", new: "",
		in: "transport/http", by: []string{"TestTokensThatDoNotHold"},
	},
	{
		name: "tokens-of-another-issuer", cause: "access", takes: "a token is of the issuer that was named",
		file: "transport/http/auth/auth.go", old: "if o.Issuer != \"\" {", new: "if false {",
		in: "transport/http", by: []string{"TestTokensThatDoNotHold"},
	},
	{
		name: "tokens-for-another-audience", cause: "access", takes: "a token is for the audience that was named",
		file: "transport/http/auth/auth.go", old: "if o.Audience != \"\" {", new: "if false {",
		in: "transport/http", by: []string{"TestTokensThatDoNotHold"},
	},
	{
		name: "subject-that-is-no-user", cause: "access", takes: "a token's subject can be a user's id",
		file: "transport/http/auth/claims.go", old: "if code, message := domain.ValidateKeyPart(c.Subject); code != \"\" {", new: "if code, message := domain.ValidateKeyPart(c.Subject); false && code != \"\" {",
		in: "transport/http/auth", by: []string{"TestWhomATokenSpeaksFor"},
	},
	{
		name: "token-of-nobody", cause: "access", takes: "a token without a scope has a subject",
		file: "transport/http/auth/claims.go", old: "if c.Subject == \"\" && out.Scopes == 0 {", new: "if false {",
		in: "transport/http/auth", by: []string{"TestWhomATokenSpeaksFor"},
	},
	{
		name: "symmetric-algorithm-chosen", cause: "access", takes: "whoever can check a token cannot make one: symmetric algorithms are refused",
		file: "transport/http/auth/auth.go", old: "if !contains(asymmetric, a) {", new: "if false {",
		in: "transport/http/auth", by: []string{"TestSymmetricAlgorithmsAreRefused"},
	},
	{
		name: "symmetric-key-of-a-set", cause: "access", takes: "symmetric keys of a key set are passed over",
		file: "transport/http/auth/keyset.go", old: "k.KTY == jwkset.KtyOct || ", new: "",
		in: "transport/http/auth", by: []string{"TestOnlyPublicKeysForSignaturesAreTaken"},
	},
	{
		name: "key-for-encryption", cause: "access", takes: "keys that are not for signatures are passed over",
		file: "transport/http/auth/keyset.go", old: "(k.USE != \"\" && k.USE != jwkset.UseSig)", new: "false",
		in: "transport/http/auth", by: []string{"TestOnlyPublicKeysForSignaturesAreTaken"},
	},
	{
		name: "key-taken-back-still-counts", cause: "access", takes: "tokens that held are checked again when the key set was read",
		file: "transport/http/auth/auth.go", old: "g.set.run(ctx, g.o, g.known.forget)", new: "g.set.run(ctx, g.o, func() {})",
		in: "transport/http/auth", by: []string{"TestTokensAreCheckedAgainWhenTheKeySetWasRead"},
	},
	{
		name: "token-remembered-past-its-end", cause: "access", takes: "a token is remembered no longer than it holds",
		file: "transport/http/auth/verified.go", old: "if expires.Before(until) {", new: "if false {",
		in: "transport/http/auth", by: []string{"TestRememberedTokensAreBounded"},
	},
	{
		name: "anothers-data", cause: "access", takes: "another user's data is 403",
		file: "transport/http/exchange/caller.go", old: "return \"\", errAnother", new: "return user, nil",
		in: "transport/http/exchange", by: []string{"TestWhoMayDoWhatForWhom"},
	},
	{
		name: "anothers-event", cause: "access", takes: "an event names its sender, in a batch too",
		file: "transport/http/v2/intake.go", old: "if e.fact.User, err = in.caller.As(user, exchange.Write); err != nil {", new: "if e.fact.User, err = user, error(nil); err != nil {",
		in: "transport/http", by: []string{"TestAUserSeesAndChangesTheirOwnDataAlone"},
	},
	{
		name: "nobody-let-through", cause: "access", takes: "who gives neither token nor key sees no user's data",
		file: "transport/http/exchange/caller.go", old: "return \"\", errNobody", new: "return user, nil",
		in: "transport/http/exchange", by: []string{"TestWhoMayDoWhatForWhom"},
	},
	{
		name: "nobody-sees-what-all-may-see", cause: "access", takes: "who gives neither token nor key sees nothing",
		file: "transport/http/exchange/caller.go", old: "\t\treturn errNobody", new: "\t\treturn nil",
		in: "transport/http/exchange", by: []string{"TestWhoMaySeeWhatIsNobodysOwn"},
	},
	{
		name: "nobody-asks", cause: "access", takes: "every route asks who comes",
		file: "transport/http/server.go", old: "if s.o.Guard != nil {\n\t\ts.app.Use(", new: "if false {\n\t\ts.app.Use(",
		in: "transport/http", by: []string{"TestNobodyGetsInWithoutAToken"},
	},
	{
		name: "any-key-for-any-user", cause: "access", takes: "a key allows what its scopes say",
		file: "transport/http/exchange/caller.go", old: "user != \"\", c.Scopes&need != 0:", new: "user != \"\", c.Scopes != 0:",
		in: "transport/http/exchange", by: []string{"TestWhoMayDoWhatForWhom"},
	},
	{
		name: "any-key-for-metrics", cause: "access", takes: "a key shows metrics where its scopes say so",
		file: "transport/http/exchange/caller.go", old: "case c == nil, c.Scopes&need != 0,", new: "case c == nil, c.Scopes != 0,",
		in: "transport/http/exchange", by: []string{"TestWhoMaySeeWhatIsNobodysOwn"},
	},
	{
		name: "any-user-for-metrics", cause: "access", takes: "metrics are for operators",
		file: "transport/http/exchange/caller.go", old: "c.Subject != \"\" && need == Read:", new: "c.Subject != \"\":",
		in: "transport/http/exchange", by: []string{"TestWhoMaySeeWhatIsNobodysOwn"},
	},
	{
		name: "limit-without-effect", cause: "access", takes: "a caller who sends too much is told so",
		file: "transport/http/auth/limit.go", old: "wait := l.take(who); wait > 0 {", new: "wait := l.take(who); false {",
		in: "transport/http", by: []string{"TestTooManyRequestsOfOneCaller"},
	},
	{
		name: "limit-shared-by-all", cause: "access", takes: "a caller who sends too much holds up nobody else",
		file: "transport/http/auth/limit.go", old: "who := exchange.CallerOf(c).Who()", new: "who, _ := \"all\", exchange.CallerOf(c)",
		in: "transport/http", by: []string{"TestTooManyRequestsOfOneCaller"},
	},
}
