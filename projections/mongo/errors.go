package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/x/mongo/driver/topology"

	"ugc/domain"
)

// Codes of the server that decide what is done next.
const (
	codeInternal        = 1
	codeUnauthorized    = 13
	codeAuthentication  = 18
	codeNamespaceExists = 48
	codeUnknownCommand  = 59
	codeDuplicateKey    = 11000
)

// passing are codes of a server that cannot at the moment: it starts, stops, has lost its place as primary, waits for its shards or its
// members, or another write was faster.
var passing = map[int]bool{
	codeInternal: true, // what stands behind the server is away, where it is a gateway; a fault of the server itself otherwise
	6:            true, // HostUnreachable
	7:            true, // HostNotFound
	24:           true, // LockTimeout
	50:           true, // MaxTimeMSExpired
	64:           true, // WriteConcernFailed
	79:           true, // UnknownReplWriteConcern, while a set is being configured
	89:           true, // NetworkTimeout
	91:           true, // ShutdownInProgress
	100:          true, // UnsatisfiableWriteConcern, while members are away
	112:          true, // WriteConflict
	133:          true, // FailedToSatisfyReadPreference
	134:          true, // ReadConcernMajorityNotAvailableYet
	150:          true, // StaleEpoch
	189:          true, // PrimarySteppedDown
	202:          true, // NetworkInterfaceExceededTimeLimit
	262:          true, // ExceededTimeLimit
	9001:         true, // SocketException
	10107:        true, // NotWritablePrimary
	11600:        true, // InterruptedAtShutdown
	11602:        true, // InterruptedDueToReplStateChange
	13388:        true, // StaleConfig
	13435:        true, // NotPrimaryNoSecondaryOk
	13436:        true, // NotPrimaryOrSecondary
	14031:        true, // OutOfDiskSpace
	16908292:     true, // DocumentDB: deadlock detected
}

// failed gives an error of the driver its kind and says what to do about it.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*domain.Error](err); ok {
		return own
	}
	kind, advice := judge(err)
	action := what + " in MongoDB"
	if advice != "" {
		action += ": " + advice
	}
	return domain.Wrap(kind, action, err)
}

func judge(err error) (domain.Kind, string) {
	if refused(err) {
		return domain.Unavailable, "it refuses user and password, or does not let that user do this: check UGC_DOCUMENTS"
	}
	if errors.Is(err, context.Canceled) || mongo.IsTimeout(err) {
		return domain.Unavailable, "not done in time"
	}
	if unreachable(err) {
		return domain.Unavailable, "the server is away"
	}
	if se := mongo.ServerError(nil); errors.As(err, &se) {
		for code := range passing {
			if se.HasErrorCode(code) {
				return domain.Unavailable, "the server cannot at the moment"
			}
		}
		if se.HasErrorLabel("RetryableWriteError") || se.HasErrorLabel("TransientTransactionError") {
			return domain.Unavailable, "the server cannot at the moment"
		}
	}
	return domain.Internal, ""
}

func refused(err error) bool {
	if _, ok := errors.AsType[*auth.Error](err); ok {
		return true
	}
	se := mongo.ServerError(nil)
	return errors.As(err, &se) && (se.HasErrorCode(codeUnauthorized) || se.HasErrorCode(codeAuthentication))
}

func unreachable(err error) bool {
	if mongo.IsNetworkError(err) || errors.Is(err, mongo.ErrClientDisconnected) {
		return true
	}
	if _, ok := errors.AsType[topology.ServerSelectionError](err); ok {
		return true
	}
	_, ok := errors.AsType[topology.ConnectionError](err)
	return ok
}

// answered says whether the error is the server's with this code.
func answered(err error, code int) bool {
	se := mongo.ServerError(nil)
	return errors.As(err, &se) && se.HasErrorCode(code)
}

func fault(kind domain.Kind, format string, args ...any) error {
	return &domain.Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}
