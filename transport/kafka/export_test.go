package kafka

// Buffered is the number of records that the client holds.
func (p *Publisher) Buffered() int64 { return p.client.BufferedProduceRecords() }
