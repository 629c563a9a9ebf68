# SPDX-License-Identifier: Apache-2.0
"""A payment provider that speaks WeChat Pay's API v3 on a loopback port."""
