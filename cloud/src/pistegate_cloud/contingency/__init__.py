# SPDX-License-Identifier: Apache-2.0
"""Contingency tickets 应急票: signed each night for each window, sold by its box while the cloud is out of reach."""
