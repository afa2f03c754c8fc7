#include "CManifests.h"
const odigos_manifest odigos_manifests[] = {{0, 0, 0}};
const size_t odigos_manifest_count = 0;
