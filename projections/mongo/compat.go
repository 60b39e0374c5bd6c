package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/bson"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

// compatDatabase is where readers of movies_ugc look. A view can't reach into another database, so they find what they know where ours has this name.
const compatDatabase = "movies"

// compatView is one of them.
type compatView struct {
	name string
	over documents.View
	show bson.D
}

// pipeline is what the view does; readers' own queries are added to it by the server.
func (v compatView) pipeline() bson.A {
	return bson.A{bson.D{{Key: "$match", Value: bson.D{{Key: fieldDeleted, Value: false}}}}, bson.D{{Key: "$project", Value: v.show}}}
}

// compatViews are the collections of movies_ugc as read-only views over ours: its likes carry a score, so they are our ratings.
var compatViews = []compatView{
	{"likes", documents.Ratings, bson.D{{Key: fieldUser, Value: 1}, {Key: fieldMovie, Value: 1}, {Key: "score", Value: 1}}},
	{"favorites", documents.Bookmarks, bson.D{{Key: fieldUser, Value: 1}, {Key: fieldMovie, Value: 1}}},
}

// planCompat is what the views for readers of movies_ugc need: to be made, or to follow a generation that became live.
func (s *Store) planCompat(ctx context.Context, is *server) (plan []Step, err error) {
	if s.db.Name() != compatDatabase || !is.views {
		return nil, nil
	}
	for _, v := range compatViews {
		g, _, err := s.current(ctx, v.over)
		if err != nil {
			return nil, err
		}
		found, err := s.viewOn(ctx, v.name)
		if err != nil {
			return nil, err
		}
		if found == g.String() {
			continue
		}
		plan = append(plan, Step{
			Purpose: fmt.Sprintf("view %s.%s over %s, for readers of movies_ugc", compatDatabase, v.name, g),
			do: func(ctx context.Context) error {
				if found != "" {
					return s.showOn(ctx, v, g.String())
				}
				return s.db.CreateView(ctx, v.name, g.String(), v.pipeline())
			},
		})
	}
	return plan, nil
}

// showOn points a view at another collection.
func (s *Store) showOn(ctx context.Context, v compatView, collection string) error {
	return s.command(ctx, compatDatabase, bson.D{{Key: "collMod", Value: v.name}, {Key: "viewOn", Value: collection}, {Key: "pipeline", Value: v.pipeline()}}, nil)
}

// viewOn is the collection that a view shows, "" where there is none. A collection of that name is a Conflict: movies_ugc's own data, which are not ours to replace.
func (s *Store) viewOn(ctx context.Context, name string) (string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	specs, err := s.db.ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: name}})
	if err != nil {
		return "", failed("look for view "+name, err)
	}
	if len(specs) == 0 {
		return "", nil
	}
	if specs[0].Type != "view" {
		return "", fault(domain.Conflict, "%s.%s is a collection, perhaps of movies_ugc: rename it, or name another database in UGC_DOCUMENTS", compatDatabase, name)
	}
	on, err := specs[0].Options.LookupErr("viewOn")
	if err != nil {
		return "", failed("look for view "+name, err)
	}
	return on.StringValue(), nil
}

// followLive lets a view for readers of movies_ugc, where init has made it, show the generation that is live now.
func (s *Store) followLive(ctx context.Context, g projections.Generation) error {
	is, err := s.facts(ctx)
	if err != nil || s.db.Name() != compatDatabase || !is.views {
		return err
	}
	for _, v := range compatViews {
		if v.over.Name != g.View {
			continue
		}
		found, err := s.viewOn(ctx, v.name)
		if domain.KindOf(err) == domain.Conflict || err == nil && (found == "" || found == g.String()) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.showOn(ctx, v, g.String()); err != nil {
			return err
		}
	}
	return nil
}
