package mongo

import (
	"fmt"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"

	"ugc/domain"
	"ugc/projections/documents"
)

// The fields that every document has; the columns of its view follow.
const (
	fieldID        = "_id"
	fieldUser      = "user_id"
	fieldMovie     = "movie_id"
	fieldVersion   = "version"
	fieldDeleted   = "deleted"
	fieldAdded     = "added"
	fieldUpdatedAt = "updated_at"
)

// codec is a view's documents as BSON, written and read by hand: reflection would cost more than the rest of our part of a write.
type codec struct {
	view documents.View
	size int // of a document, roughly
}

func newCodec(v documents.View) codec { return codec{view: v, size: 192 + 48*len(v.Columns)} }

// appendFilter is the guard of an upsert: this document, on its shard, where what is there is older.
func (c codec) appendFilter(b []byte, d *documents.Document) []byte {
	at, b := bsoncore.AppendDocumentStart(b)
	b = bsoncore.AppendStringElement(b, fieldID, d.ID)
	if c.view.ByUser {
		b = bsoncore.AppendStringElement(b, fieldUser, d.User)
	}
	older, b := bsoncore.AppendDocumentElementStart(b, fieldVersion)
	b = bsoncore.AppendInt64Element(b, "$lt", int64(d.Version))
	b, _ = bsoncore.AppendDocumentEnd(b, older)
	b, _ = bsoncore.AppendDocumentEnd(b, at)
	return b
}

// appendDocument is all of a document but its id, which the filter gives.
func (c codec) appendDocument(b []byte, d *documents.Document) ([]byte, error) {
	if len(d.Values) != len(c.view.Columns) {
		return b, fault(domain.Internal, "%s has %d values, %s wants %d", d.ID, len(d.Values), c.view.Name, len(c.view.Columns))
	}
	at, b := bsoncore.AppendDocumentStart(b)
	if c.view.ByUser {
		b = bsoncore.AppendStringElement(b, fieldUser, d.User)
	}
	b = bsoncore.AppendStringElement(b, fieldMovie, d.Movie)
	b = bsoncore.AppendInt64Element(b, fieldVersion, int64(d.Version))
	b = bsoncore.AppendBooleanElement(b, fieldDeleted, d.Deleted)
	b = bsoncore.AppendInt64Element(b, fieldAdded, int64(d.Added))
	b = bsoncore.AppendDateTimeElement(b, fieldUpdatedAt, int64(d.UpdatedAt))
	for i, column := range c.view.Columns {
		switch v := d.Values[i].(type) {
		case int64:
			b = bsoncore.AppendInt64Element(b, column.Name, v)
		case float64:
			b = bsoncore.AppendDoubleElement(b, column.Name, v)
		case string:
			b = bsoncore.AppendStringElement(b, column.Name, v)
		default:
			return b, fault(domain.Internal, "%s of %s is a %T", column.Name, d.ID, v)
		}
	}
	b, _ = bsoncore.AppendDocumentEnd(b, at)
	return b, nil
}

// decode reads a document back. Numbers may have been written by others, so any type that holds an integer is taken for one; a field that is missing or
// holds another type is an error: the document was altered behind our back.
func (c codec) decode(raw bson.Raw) (d documents.Document, err error) {
	if n := len(c.view.Columns); n > 0 {
		d.Values = make([]any, n)
	}
	elements, err := bsoncore.Document(raw).Elements()
	if err != nil {
		return d, fault(domain.Internal, "a document of %s cannot be read: %v", c.view.Name, err)
	}
	found := 0
	for _, e := range elements {
		ok, known := c.read(&d, e.Key(), e.Value())
		if !known {
			continue
		}
		if !ok {
			return d, fault(domain.Internal, "%s of %s in %s holds a value of another type", e.Key(), d.ID, c.view.Name)
		}
		found++
	}
	want := 6 + len(c.view.Columns)
	if c.view.ByUser {
		want++
	}
	if found != want {
		return d, fault(domain.Internal, "%s in %s has %d of %d fields", d.ID, c.view.Name, found, want)
	}
	return d, nil
}

func (c codec) read(d *documents.Document, name string, v bsoncore.Value) (ok, known bool) {
	switch name {
	case fieldID:
		d.ID, ok = v.StringValueOK()
	case fieldUser:
		if !c.view.ByUser {
			return true, false
		}
		d.User, ok = v.StringValueOK()
	case fieldMovie:
		d.Movie, ok = v.StringValueOK()
	case fieldVersion:
		ok = integer(v, &d.Version)
	case fieldDeleted:
		d.Deleted, ok = v.BooleanOK()
	case fieldAdded:
		ok = integer(v, &d.Added)
	case fieldUpdatedAt:
		var at int64
		at, ok = v.DateTimeOK()
		d.UpdatedAt = domain.Instant(at)
	default:
		for i, column := range c.view.Columns {
			if column.Name == name {
				d.Values[i], ok = value(column.Type, v)
				return ok, true
			}
		}
		return true, false
	}
	return ok, true
}

func value(t documents.Type, v bsoncore.Value) (any, bool) {
	switch t {
	case documents.Integer:
		var n int64
		ok := integer(v, &n)
		return n, ok
	case documents.Real:
		n, ok := v.DoubleOK()
		return n, ok
	case documents.JSON:
		s, ok := v.StringValueOK()
		return s, ok
	}
	return nil, false
}

func integer[T ~int64](v bsoncore.Value, into *T) bool {
	n, ok := v.AsInt64OK()
	if v.Type == bson.TypeDouble { // a shell's number: whole, or not one of ours
		f := v.Double()
		n, ok = int64(f), f == float64(int64(f))
	}
	*into = T(n)
	return ok
}

// shape is what the catalog keeps of a view: generations of other columns are others.
func shape(v documents.View) string {
	text := ""
	for i, c := range v.Columns {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %s", c.Name, c.Type)
	}
	return text
}
