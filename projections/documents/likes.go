package documents

import "ugc/domain"

// Likes is the newest like (1) or dislike (-1) of each user and movie.
var Likes = opinionView("likes", domain.LikeKind, Column{"value", Integer})
