package topics

import (
	"errors"
	"fmt"
	"strings"

	"ugc/domain"
)

// CheckKey says why no record of the topic that is ours can have the key; nil where one can. Such a record is set aside by itself: whatever came later
// under its key could be no better, so that nobody has to remember it.
func (t Topic) CheckKey(key string) error {
	switch t.Key {
	case userMovie:
		if plainKey(key) {
			return nil
		}
		user, film, found := strings.Cut(key, "/")
		if !found {
			return errors.New("its key is no user/movie")
		}
		return errors.Join(checkPart("user", user), checkPart("movie", film))
	case movie:
		return checkPart("movie", key)
	}
	return nil
}

func checkPart(what, part string) error {
	if code, message := domain.ValidateKeyPart(part); code != "" {
		return fmt.Errorf("the %s in its key %s", what, message)
	}
	return nil
}

// plainKey knows most keys at one look: two parts of printable ASCII, neither empty nor too long.
func plainKey(key string) bool {
	slash := -1
	for i := range len(key) {
		switch b := key[i]; {
		case b < ' ' || b > '~' || i > 2*domain.MaxKeyPart:
			return false
		case b == '/' && slash >= 0:
			return false
		case b == '/':
			slash = i
		}
	}
	return slash > 0 && slash <= domain.MaxKeyPart && slash < len(key)-1 && len(key)-1-slash <= domain.MaxKeyPart
}
