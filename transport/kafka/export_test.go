package kafka

// Buffered is the number of records that the client holds.
func (p *Publisher) Buffered() int64 { return p.client.BufferedProduceRecords() }

// Below is where a message's trace goes on.
var Below = below
