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
/// Every embedded file, in the order in which they are applied.
extern const odigos_manifest odigos_manifests[];
extern const size_t odigos_manifest_count;
#endif
