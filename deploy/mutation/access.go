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
}
