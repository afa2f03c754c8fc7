/// The manifests of deploy/ and webhook-config/, embedded in the CLI at build time.
#ifndef CMANIFESTS_H
#define CMANIFESTS_H
#include <stddef.h>
/// One embedded file: its path below the repository's root, its bytes and their number.
typedef struct {
  const char *path;
  const unsigned char *bytes;
  size_t count;
} odigos_manifest;
/// The number of embedded files.
size_t odigos_manifests_count(void);
/// The file at that index, below the count; files are in the order in which they are applied.
odigos_manifest odigos_manifest_at(size_t index);
#endif
