#!/bin/sh
set -eu
curl --fail --silent --output rates.json https://rates.example.org/latest.json
