package lib

import "lib/internal"

func New() *internal.Secret { return &internal.Secret{} }
