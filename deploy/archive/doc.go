// Package archive copies the command log into a folder of files and back. The log is what everything else is made of, so a folder is a backup of the whole, and the way
// by which topics get another number of partitions: offsets are given anew, each user's records keep their order.
//
// A folder holds one Avro object container file for each partition (records in the order of their offsets, with key, value, headers and time byte for byte), manifest.json,
// which says what is where and what the ids of schemas in the values mean, and SHA256SUMS over all of them, which `sha256sum -c` understands. SHA256SUMS is written last: a folder
// without it is no copy.
//
// Kept at a time are a block of 1 MiB of one file, and what the client has on its way.
package archive
