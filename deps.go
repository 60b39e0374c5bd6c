//go:build deps

// Package deps keeps the pinned requirements alive until the rooms import them.
package deps

import (
	_ "github.com/ClickHouse/ch-go/proto"
	_ "github.com/ClickHouse/clickhouse-go/v2"
	_ "github.com/IBM/sarama"
	_ "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	_ "github.com/ThreeDotsLabs/watermill/message"
	_ "github.com/andybalholm/brotli"
	_ "github.com/caarlos0/env/v11"
	_ "github.com/danielgtaylor/huma/v2/adapters/humafiber"
	_ "github.com/ebitengine/purego"
	_ "github.com/gofiber/fiber/v2"
	_ "github.com/google/uuid"
	_ "github.com/hamba/avro/v2"
	_ "github.com/joho/godotenv"
	_ "github.com/klauspost/compress/zstd"
	_ "github.com/lovoo/goka"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/spf13/cobra"
	_ "github.com/stretchr/testify/require"
	_ "github.com/swaggo/files/v2"
	_ "github.com/twmb/franz-go/pkg/kadm"
	_ "github.com/twmb/franz-go/pkg/kfake"
	_ "github.com/twmb/franz-go/pkg/kgo"
	_ "github.com/twmb/franz-go/pkg/sr"
	_ "go.mongodb.org/mongo-driver/mongo"
	_ "go.opentelemetry.io/otel/trace"
	_ "modernc.org/sqlite"
	_ "pgregory.net/rapid"
	_ "golang.org/x/sync/errgroup"
	_ "github.com/mattn/go-isatty"
)
