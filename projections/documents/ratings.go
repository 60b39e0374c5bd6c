package documents

import "ugc/domain"

// Ratings is the newest score, 0 to 10, that each user gives each movie.
var Ratings = opinionView("ratings", domain.RatingKind, Column{"score", Integer})
