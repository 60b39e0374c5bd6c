package documents

import "ugc/domain"

// Bookmarks is what each user keeps for later.
var Bookmarks = opinionView("bookmarks", domain.BookmarkKind)
