package main

import "slices"

// all lists the mutations, room by room.
func all() []mutation {
	return slices.Concat(inDomain, inHandlers, inTokens, inTransport, inAccess, inLetters, inStreams, inProjections, inDocuments,
		inClickHouse, inBroker, inDeploy, inDamage, inConsistency, inJudges)
}
