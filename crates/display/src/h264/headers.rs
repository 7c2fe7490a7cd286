//! What comes before the macroblocks: parameters of the sequence and of pictures, and the slice's own
//! (ITU-T H.264, clauses 7.3.2 and 7.3.3, annex E).

use super::bits::{BitWriter, append_unit};
use super::transform;

/// Quantisation that a slice tells its own as the difference from.
const USUAL_QP: i32 = 26;
/// Chroma is quantised less than luma: by the same the error of red and blue would be far larger than that of green.
const CHROMA_OFFSET: i8 = -4;
/// Bits of a picture's number.
const NUMBER_BITS: u32 = 8;

/// Appends the header of a slice, of which there is one in a picture: when it can be decoded without those before, a
/// number other than that of the last such one; how many came since; its quantisation.
pub(super) fn put_slice(bits: &mut BitWriter, key: Option<u16>, number: u8, qp: u8) {
    bits.unsigned(0); // first_mb_in_slice
    bits.unsigned(if key.is_some() { 7 } else { 5 }); // slice_type: all of the picture are I, or P
    bits.unsigned(0); // pic_parameter_set_id
    bits.put(number.into(), NUMBER_BITS); // frame_num
    if let Some(id) = key {
        bits.unsigned(id.into()); // idr_pic_id
        bits.put(0, 2); // no_output_of_prior_pics_flag, long_term_reference_flag
    } else {
        bits.put(0, 3); // num_ref_idx_active_override, ref_pic_list_modification, adaptive_ref_pic_marking
    }
    bits.signed(i32::from(qp) - USUAL_QP); // slice_qp_delta
    bits.unsigned(0); // disable_deblocking_filter_idc
    [0, 0].into_iter().for_each(|n| bits.signed(n)); // slice_alpha_c0_offset_div2, slice_beta_offset_div2
}

/// The NAL units of a picture of which a slice is given, and before a key those it needs.
pub(super) fn units((width, height): (usize, usize), key: bool, slice: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(slice.len() + 64);
    if key {
        append_unit(&mut out, 0x67, &sequence(width, height));
        append_unit(&mut out, 0x68, &picture());
    }
    append_unit(&mut out, if key { 0x65 } else { 0x61 }, slice);
    out
}

/// The sequence's parameters: constrained baseline, shown in the order decoded, BT.709 in full range.
fn sequence(width: usize, height: usize) -> Vec<u8> {
    let (columns, lines) = (width.div_ceil(16) as u32, height.div_ceil(16) as u32);
    let mut bits = BitWriter::default();
    bits.put(66, 8); // profile_idc
    bits.put(0b1110_0000, 8); // constraint_set0 to 2: also of the profiles above
    bits.put(52, 8); // level_idc, 5.2: what the viewer asks its decoder for
    bits.unsigned(0); // seq_parameter_set_id
    bits.unsigned(NUMBER_BITS - 4); // log2_max_frame_num_minus4
    bits.unsigned(2); // pic_order_cnt_type: as decoded
    bits.unsigned(1); // max_num_ref_frames
    bits.put(0, 1); // gaps_in_frame_num_value_allowed_flag
    bits.unsigned(columns - 1);
    bits.unsigned(lines - 1);
    bits.put(0b11, 2); // frame_mbs_only_flag, direct_8x8_inference_flag
    let (right, bottom) = ((16 * columns - width as u32) / 2, (16 * lines - height as u32) / 2);
    bits.put(1, 1); // frame_cropping_flag
    [0, right, 0, bottom].into_iter().for_each(|edge| bits.unsigned(edge));
    bits.put(1, 1); // vui_parameters_present_flag
    bits.put(0b001, 3); // no aspect_ratio_info, no overscan_info, video_signal_type
    bits.put(5, 3); // video_format: unspecified
    bits.put(0b11, 2); // video_full_range_flag, colour_description_present_flag
    bits.put(1, 8); // colour_primaries: BT.709
    bits.put(13, 8); // transfer_characteristics: sRGB
    bits.put(1, 8); // matrix_coefficients: BT.709
    bits.put(0b0_0000, 5); // no chroma_loc_info, timing_info, nal_hrd, vcl_hrd, pic_struct
    bits.put(0b11, 2); // bitstream_restriction_flag, motion_vectors_over_pic_boundaries_flag
    [0, 0, 12, 12, 0, 1].into_iter().for_each(|n| bits.unsigned(n)); // no limits; no reordering, one picture kept
    bits.finish()
}

/// The pictures' parameters.
fn picture() -> Vec<u8> {
    let mut bits = BitWriter::default();
    [0, 0].into_iter().for_each(|id| bits.unsigned(id));
    bits.put(0b00, 2); // entropy_coding_mode_flag: CAVLC, bottom_field_pic_order_in_frame_present_flag
    [0, 0, 0].into_iter().for_each(|n| bits.unsigned(n)); // one slice group, one reference in either list
    bits.put(0b000, 3); // weighted_pred_flag, weighted_bipred_idc
    [0, 0, CHROMA_OFFSET.into()].into_iter().for_each(|n| bits.signed(n)); // pic_init_qp, pic_init_qs, chroma_qp_index_offset
    bits.put(0b100, 3); // deblocking_filter_control_present_flag, constrained_intra_pred, redundant_pic_cnt_present
    bits.finish()
}

/// The quantisation of chroma that belongs to that of luma.
pub(super) fn chroma_qp(luma: u8) -> u8 {
    transform::chroma_qp(luma.saturating_add_signed(CHROMA_OFFSET))
}
