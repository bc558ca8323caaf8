package inner

import "typed/internal"

func New() *internal.Secret { return &internal.Secret{} }
