package typed

import "time"

func now() time.Time { return time.Now() }

func zeroTime() (t time.Time) { return t }
